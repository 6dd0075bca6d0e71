"""Whatever JSON a client posts, the routes answer with success or a 4xx of their dialect."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.openai.test_routes_totality import NO_OBJECTS
from tests.unit.edge.responses.whole_responses import whole_responses

EDGE = EdgeInMemory()
REPLY = b'{"candidates":[{"content":{"parts":[{"text":"ok"}]},"finishReason":"STOP"}]}'
PLAIN, STREAM = Script([REPLY]), Script([b"data: " + REPLY + b"\r\n\r\n"])
COUNT = Script([b'{"totalTokens": 7}'])

_KIND_WORDS = """
    message reasoning function_call custom_tool_call local_shell_call function_call_output
    custom_tool_call_output local_shell_call_output web_search_call image_generation_call
    item_reference input_text output_text input_image input_file input_audio refusal function
    custom namespace web_search local_shell allowed_tools grammar text json_schema json_object
"""
_LEAF_WORDS = """
    user assistant system developer lark regex auto required none low high detailed c1 f
    gemini-next: gemini-next:AAAA gemini-last:AAAA AAAA data:image/png;base64,AAAA https://example.com/a
    files/abc {} [1] reasoning.encrypted_content wav a.pdf resp_1 flex disabled exec
"""
_WORDS = st.sampled_from([*_KIND_WORDS.split(), *_LEAF_WORDS.split()])
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | _WORDS
)
_NAME_WORDS = """
    type role content text id status call_id name namespace arguments input output summary
    encrypted_content action command env image_url file_id file_data file_url filename detail
    input_audio data format refusal result output_format parameters strict description tools syntax
    definition filters allowed_domains mode effort schema verbosity
"""
_NAMES = st.sampled_from(_NAME_WORDS.split()) | st.text(max_size=4)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=20,
)
_TYPED = st.builds(
    lambda held, kind: held | {"type": kind},
    st.dictionaries(_NAMES, _VALUES, max_size=5),
    st.sampled_from(_KIND_WORDS.split()),
)
_FIELDS = """
    model input instructions tools tool_choice reasoning text max_output_tokens temperature top_p
    stream stream_options store metadata include truncation service_tier parallel_tool_calls
    background conversation prompt odd
"""
_BODIES = st.builds(
    lambda body, items, tools, model: body | {"input": items, "tools": tools, "model": model},
    st.dictionaries(st.sampled_from(_FIELDS.split()), _VALUES, max_size=6),
    st.lists(_TYPED, max_size=4) | _VALUES,
    st.none() | st.lists(_TYPED, max_size=3) | _VALUES,
    st.sampled_from(["gemini-2.0-flash", "gemini-3-flash-preview"]) | _LEAVES,
)


def check(target: str, body: Any, script: Script) -> int:
    EDGE.upstream.calls.clear()
    answer = asyncio.run(EDGE.post(target, body, script))
    if answer.status != 200:
        assert 400 <= answer.status < 500, answer.body
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert not EDGE.upstream.calls, "bad input costs nothing upstream"
    return answer.status


@pytest.mark.parametrize("target", ["/v1/responses", "/v1/responses/input_tokens"])
@settings(max_examples=400, deadline=None)
@given(_BODIES)
def test_any_body(target: str, body: dict[str, Any]) -> None:
    script = COUNT if target.endswith("tokens") else STREAM if body.get("stream") is True else PLAIN

    check(target, body, script)


@pytest.mark.parametrize("body", NO_OBJECTS)
def test_what_is_no_object(body: Any) -> None:
    assert check("/v1/responses", body, PLAIN) == 400


@settings(max_examples=100, deadline=None)
@given(whole_responses(), st.booleans())
def test_sound_requests_are_answered(body: dict[str, Any], is_stream: bool) -> None:
    script = STREAM if is_stream else PLAIN

    assert check("/v1/responses", body | {"stream": is_stream}, script) == 200
    if not is_stream:
        assert check("/v1/responses/input_tokens", body, COUNT) == 200
