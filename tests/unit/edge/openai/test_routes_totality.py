"""Whatever JSON a client posts, the routes answer with success or a 4xx of their dialect."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.openai.test_totality import BODIES, VALUES
from tests.unit.edge.openai.whole_requests import whole_requests

EDGE = EdgeInMemory()
REPLY = b'{"candidates":[{"content":{"parts":[{"text":"ok"}]},"finishReason":"STOP"}]}'
NO_OBJECTS = [
    b"",
    b"[]",
    b"null",
    b"{",
    b'{"model":"\\ud800"}',
    b"\xff",
    b"[" * 2000,
    b'{"a":' * 999,
]
PLAIN, STREAM = Script([REPLY]), Script([b"data: " + REPLY + b"\r\n\r\n"])

_COMPLETIONS = st.builds(
    lambda base, more: base | more,
    st.fixed_dictionaries(
        {"model": st.sampled_from(["gemini-2.5-flash", "gemini-1.5-pro"])},
        optional={
            "prompt": st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=3) | VALUES,
            "echo": st.booleans() | VALUES,
            "suffix": st.text(max_size=5) | VALUES,
            "logprobs": st.integers(-1, 6) | VALUES,
            "n": st.integers(0, 9),
            "best_of": st.integers(0, 9) | VALUES,
            "stream": st.booleans(),
        },
    ),
    st.dictionaries(st.sampled_from(["stop", "seed", "user", "google", "top_p"]), VALUES),
)


def check(path: str, body: dict[str, Any]) -> int:
    script = STREAM if body.get("stream") is True else PLAIN

    answer = asyncio.run(EDGE.post(path, body, script))

    assert answer.status in {200, 400, 404}, answer.body
    assert answer.is_ended
    ignored = answer.headers.get("x-gemini-balance-ignored", "")
    assert ignored.isascii()
    assert ignored.isprintable()
    assert len(ignored) < 4096
    if answer.status != 200:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    elif body.get("stream") is True:
        assert answer.body.endswith(b"data: [DONE]\n\n")
    else:
        assert answer.json()["choices"][0]["finish_reason"] == "stop"
    return answer.status


@settings(max_examples=300, deadline=None)
@given(BODIES)
def test_chats(body: dict[str, Any]) -> None:
    check("/v1/chat/completions", body)


@settings(max_examples=200, deadline=None)
@given(_COMPLETIONS)
def test_completions(body: dict[str, Any]) -> None:
    check("/v1/completions", body)


@settings(max_examples=150, deadline=None)
@given(whole_requests(), st.sampled_from(["gemini-1.5-pro", "gemini-3.1-pro-preview", "gemma-3"]))
def test_valid_chats_succeed_with_any_model_and_in_a_stream(
    body: dict[str, Any], model: str
) -> None:
    assert check("/v1/chat/completions", body | {"model": model, "stream": True}) == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'{"model":"\\ud800"}', b"\xff", b"[" * 2000, b'{"a":' * 999],
)
def test_what_is_no_object_is_refused(path: str, body: bytes) -> None:
    answer = asyncio.run(EDGE.post(path, body, PLAIN))

    assert answer.status == 400
    assert orjson.loads(answer.body)["error"]["type"] == "invalid_request_error"
