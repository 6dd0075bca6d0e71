"""Whatever JSON a client posts, the routes answer with success or a 4xx of their dialect."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.anthropic.whole_messages import whole_messages
from tests.unit.edge.openai.test_routes_totality import NO_OBJECTS

EDGE = EdgeInMemory()
REPLY = b'{"candidates":[{"content":{"parts":[{"text":"ok"}]},"finishReason":"STOP"}]}'
PLAIN, STREAM = Script([REPLY]), Script([b"data: " + REPLY + b"\r\n\r\n"])
COUNT = Script([b'{"totalTokens": 7}'])

_LEAF_WORDS = """
    user assistant system text image document tool_use tool_result thinking redacted_thinking
    search_result server_tool_use code_execution_tool_result web_search_tool_result base64 url
    file content auto any tool none enabled disabled adaptive json_schema low custom
    web_search_20250305 code_execution_20250522 code_execution c1 f gemini- gemini-AAAA image/png
    application/pdf AAAA data:image/png;base64,AAAA https://example.com/a files/abc {} [1]
    standard_only summarized omitted
"""
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(_LEAF_WORDS.split())
)
_NAME_WORDS = """
    type text source media_type data url file_id content title context citations id name input
    tool_use_id is_error thinking signature cache_control code stdout stderr return_code role
    budget_tokens display effort format schema input_schema description disable_parallel_tool_use
    allowed_domains user_id enabled
"""
_NAMES = st.sampled_from(_NAME_WORDS.split()) | st.text(max_size=4)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=20,
)
_KINDS = st.sampled_from(_LEAF_WORDS.split()[2:15])
_BLOCKS = st.lists(
    st.dictionaries(_NAMES, _VALUES, max_size=4).flatmap(
        lambda block: _KINDS.map(lambda kind: block | {"type": kind})
    ),
    max_size=3,
)
_FIELDS = """
    model max_tokens messages system tools tool_choice thinking output_config top_k temperature
    top_p stop_sequences stream service_tier metadata odd
"""
_MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]) | _LEAVES},
        optional={"content": st.text(max_size=5) | _BLOCKS | _VALUES},
    ),
    max_size=4,
)
_TOOLS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["f", "g"]) | _VALUES},
        optional={
            "type": st.sampled_from(["custom", "web_search_20250305", "bash_20250124"]) | _VALUES,
            "input_schema": st.just({}) | _VALUES,
            "description": _LEAVES,
        },
    ),
    max_size=2,
)
_BODIES = st.builds(
    lambda body, more: body | more,
    st.fixed_dictionaries(
        {
            "model": st.sampled_from(["gemini-2.5-flash", "gemini-3-flash", "gemini-1.5-pro"]),
            "max_tokens": st.just(9),
            "messages": _MESSAGES | st.just([{"role": "user", "content": "a"}]),
        },
        optional={"tools": _TOOLS, "stream": st.booleans()},
    ),
    st.dictionaries(
        st.sampled_from(_FIELDS.split()),
        _VALUES,
        max_size=2,
    ),
)


def check(path: str, body: dict[str, Any]) -> int:
    is_count, is_stream = path.endswith("count_tokens"), body.get("stream") is True
    sent_before = len(EDGE.upstream.calls)
    script = COUNT if is_count else STREAM if is_stream else PLAIN

    answer = asyncio.run(EDGE.post(path, body, script))

    assert answer.status in {200, 400, 404}, answer.body
    assert answer.is_ended
    ignored = answer.headers.get("x-gemini-balance-ignored", "")
    assert ignored.isascii()
    assert ignored.isprintable()
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    if answer.status != 200:
        assert len(EDGE.upstream.calls) == sent_before, "a bad request costs nothing"
        error = answer.json()
        assert set(error) == {"type", "error", "request_id"}
        assert error["error"]["type"] == "invalid_request_error"
        assert error["request_id"] == answer.headers["request-id"]
    elif is_count:
        assert answer.json() == {"input_tokens": 7}
    elif is_stream:
        assert answer.body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    else:
        assert answer.json()["stop_reason"] == "end_turn"
    return answer.status


@settings(max_examples=400, deadline=None)
@given(_BODIES, st.sampled_from(["/v1/messages", "/v1/messages/count_tokens"]))
def test_messages(body: dict[str, Any], path: str) -> None:
    check(path, body)


@settings(max_examples=150, deadline=None)
@given(whole_messages(), st.sampled_from(["gemini-1.5-pro", "gemma-3", "gemini-3.1-pro-preview"]))
def test_valid_requests_succeed_with_any_model_in_a_stream_and_counted(
    body: dict[str, Any], model: str
) -> None:
    asked = body | {"model": model, "stream": True}

    assert check("/anthropic/v1/messages", asked) == 200
    assert check("/v1/messages/count_tokens", asked) == 200


@pytest.mark.parametrize("body", NO_OBJECTS)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    answer = asyncio.run(EDGE.post("/v1/messages", body, PLAIN))

    assert answer.status == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
