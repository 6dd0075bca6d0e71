"""Whatever a client sends, the answer is a plan or a clear refusal."""

from itertools import pairwise
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.edge.openai.chat_request import translate_chat
from services.edge.openai.embeddings import translate_embeddings
from services.edge.openai.errors import BadRequestError, error_body, translate_error

_LEAF_WORDS = """
    user assistant system tool function developer text image_url input_audio file refusal auto
    none required low high json_object json_schema allowed_tools {} [1] {"a":1}
    data:image/png;base64,AAAA data:, https://example.com/a files/abc wav 1 c1 gemini-2.5-flash
    gemini-3-pro-preview gemini-2.0-flash models/x
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
    model messages role content type text image_url url detail input_audio data format file
    file_data file_id filename tool_calls id function name arguments tool_call_id function_call
    refusal extra_content google thought_signature parts images tools tool_choice functions
    allowed_tools mode parameters description parallel_tool_calls web_search_options temperature
    top_p top_k n seed stop max_tokens max_completion_tokens presence_penalty frequency_penalty
    logprobs top_logprobs response_format json_schema schema modalities audio voice
    reasoning_effort extra_body thinking_config thinking_budget thinking_level include_thoughts
    cached_content safety_settings stream stream_options include_usage service_tier user store
    input dimensions encoding_format
"""
_NAMES = st.sampled_from(_NAME_WORDS.split()) | st.text(max_size=4)
VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=20,
)

# Bodies that get far enough in to reach the odd corners.
_CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["c1", "c2", "", "c1__sig__AAAA"]) | VALUES,
            "function": st.fixed_dictionaries(
                {"name": st.sampled_from(["f", "g"]) | VALUES}, optional={"arguments": VALUES}
            ),
        },
        optional={"type": st.just("function") | VALUES, "extra_content": VALUES},
    ),
    max_size=2,
)
_PARTS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["text", "image_url", "input_audio", "file", "video_url"])},
        optional={
            "text": st.text(max_size=3),
            "image_url": VALUES,
            "input_audio": st.dictionaries(_NAMES, _LEAVES, max_size=3),
            "file": st.dictionaries(_NAMES, _LEAVES, max_size=3),
            "video_url": _LEAVES,
        },
    ),
    max_size=3,
)
_MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "tool", "function", "system"])},
        optional={
            "content": st.text(max_size=5) | _PARTS | VALUES,
            "tool_calls": _CALLS,
            "tool_call_id": st.sampled_from(["c1", "c2", "", "c1__sig__AAAA"]),
            "function_call": VALUES,
            "name": st.sampled_from(["f", "g"]) | VALUES,
            "extra_content": VALUES,
            "images": VALUES,
        },
    ),
    max_size=5,
)
_MODELS = st.sampled_from(["gemini-2.5-flash", "gemini-3-flash", "gemini-2.0-flash"])


@st.composite
def _talks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A conversation that holds together: every call gets its result, in any order."""
    messages: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 5))):
        role = draw(st.sampled_from(["system", "user", "assistant", "calls", "legacy"]))
        text = draw(st.text(max_size=5))
        if role == "calls":
            ids = draw(st.lists(st.sampled_from(["", "c1", "c1__sig__AAAA"]), max_size=3))
            calls = [{"id": one, "function": {"name": f"f{n}"}} for n, one in enumerate(ids)]
            messages.append({"role": "assistant", "content": text, "tool_calls": calls})
            if draw(st.booleans()):
                messages.append({"role": "user", "content": "hurry"})
            messages += [
                {"role": "tool", "tool_call_id": one, "content": text}
                for one in draw(st.permutations(ids))
            ]
        elif role == "legacy":
            messages.append({"role": "assistant", "function_call": {"name": "g"}})
            messages.append({"role": "function", "name": "g", "content": text})
        else:
            messages.append({"role": role, "content": text})
    return messages


BODIES = (
    st.dictionaries(_NAMES, VALUES, max_size=6)
    | st.builds(
        lambda base, more: more | base,
        st.fixed_dictionaries({"model": _MODELS, "messages": _MESSAGES | VALUES}),
        st.dictionaries(_NAMES, VALUES, max_size=3),
    )
    | st.builds(
        lambda base, more: more | base,
        st.fixed_dictionaries({"model": _MODELS, "messages": _talks()}),
        st.dictionaries(_NAMES, VALUES, max_size=1),
    )
)


@settings(max_examples=400, deadline=None)
@given(BODIES)
def test_a_chat_request_is_planned_or_refused(body: dict[str, Any]) -> None:
    try:
        plan = translate_chat(body)
    except BadRequestError as error:
        orjson.dumps(error_body(error.message, type="x", code=error.code, param=error.param))
        return

    assert orjson.loads(orjson.dumps(plan.gemini_body))
    assert plan.gemini_body["contents"][0]["role"] == "user"
    roles = [content["role"] for content in plan.gemini_body["contents"]]
    assert all(one != next_one for one, next_one in pairwise(roles))
    assert all(content["parts"] for content in plan.gemini_body["contents"])
    _check_results_follow_calls(plan.gemini_body["contents"])
    ", ".join(plan.ignored).encode("ascii")
    assert not any(character in name for name in plan.ignored for character in "\r\n,")


def _check_results_follow_calls(contents: list[dict[str, Any]]) -> None:
    for place, content in enumerate(contents):
        called = [
            part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part
        ]
        following = contents[place + 1]["parts"] if place + 1 < len(contents) else []
        answered = [
            part["functionResponse"]["name"] for part in following if "functionResponse" in part
        ]
        if content["role"] == "model":
            assert called == answered


@settings(deadline=None)
@given(st.dictionaries(_NAMES, VALUES, max_size=6))
def test_an_embeddings_request_is_planned_or_refused(body: dict[str, Any]) -> None:
    try:
        plan = translate_embeddings(body)
    except BadRequestError:
        return

    assert orjson.dumps(plan.gemini_bodies)
    assert sum(len(one["requests"]) for one in plan.gemini_bodies) == plan.inputs > 0


@settings(deadline=None)
@given(st.integers(400, 599), st.binary(max_size=50) | VALUES.map(orjson.dumps))
def test_any_error_becomes_openais(status: int, body: bytes) -> None:
    error = translate_error(status, body)["error"]

    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
