"""Answers, whole and streamed: the same blocks, the true reason of their end."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.edge.anthropic.message_stream import MessageStream
from services.edge.openai.errors import AnswerError
from services.edge.openai.signatures import split_call_id
from tests.unit.edge.anthropic.client import (
    ID,
    THINKING,
    assembled,
    events,
    plan,
    reply,
    stream_of,
    told_alike,
    whole,
)

USAGE = {
    "promptTokenCount": 10,
    "cachedContentTokenCount": 4,
    "toolUsePromptTokenCount": 3,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 7,
    "totalTokenCount": 25,
    "serviceTier": "priority",
}
SIGNATURE = "c2lnbmF0dXJl"


def test_a_text() -> None:
    message = whole(reply({"text": "hello"}, reason="STOP") | {"usageMetadata": USAGE}, plan())

    assert message == {
        "id": ID,
        "type": "message",
        "role": "assistant",
        "model": "gemini-3-flash-preview",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 9,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 12,
            "output_tokens_details": {"thinking_tokens": 7},
            "service_tier": "priority",
        },
    }


def test_the_events_of_a_stream_in_their_order() -> None:
    told = stream_of(
        [
            reply({"text": "hm", "thought": True}) | {"usageMetadata": {"promptTokenCount": 9}},
            reply({"text": "hel"}),
            reply({"text": "lo"}),
            reply({"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}}),
            reply({"text": ""}, reason="STOP") | {"usageMetadata": USAGE},
        ],
        plan(thinking=THINKING),
    )

    assert [(event["type"], event.get("delta", {}).get("type")) for event in told] == [
        ("message_start", None),
        ("content_block_start", None),
        ("content_block_delta", "thinking_delta"),
        ("content_block_delta", "signature_delta"),
        ("content_block_stop", None),
        ("content_block_start", None),
        ("content_block_delta", "text_delta"),
        ("content_block_delta", "text_delta"),
        ("content_block_stop", None),
        ("content_block_start", None),
        ("content_block_delta", "input_json_delta"),
        ("content_block_stop", None),
        ("message_delta", None),
        ("message_stop", None),
    ]
    assert told[0]["message"]["usage"]["input_tokens"] == 9
    assert told[0]["message"]["content"] == []
    assert told[0]["message"]["stop_reason"] is None
    assert told[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert told[-2]["usage"]["output_tokens"] == 12
    assert told[-2]["usage"]["cache_read_input_tokens"] == 4
    assert assembled(told)["content"][2] == {
        "type": "tool_use",
        "id": "c1",
        "name": "f",
        "input": {"a": 1},
    }


PARTS = st.one_of(
    st.builds(lambda text: {"text": text}, st.text(max_size=6)),
    st.builds(lambda text: {"text": text, "thought": True}, st.text(max_size=6)),
    st.builds(
        lambda args, signed: {
            "functionCall": {"name": "f", "args": args},
            **({"thoughtSignature": SIGNATURE} if signed else {}),
        },
        st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.integers(-9, 9), max_size=2),
        st.booleans(),
    ),
    st.just({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
    st.just({"executableCode": {"code": "1", "language": "PYTHON"}}),
    st.just({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}),
    st.sampled_from([{}, {"text": None}, {"functionCall": []}, {"fileData": {"fileUri": "x"}}]),
)


@settings(deadline=None)
@given(st.lists(PARTS, max_size=6), st.booleans(), st.sampled_from(["STOP", "MAX_TOKENS"]))
def test_a_stream_is_put_together_to_what_a_whole_answer_tells(
    parts: list[dict[str, Any]], thinks: bool, reason: str
) -> None:
    of = plan(**({"thinking": THINKING} if thinks else {}))
    replies = [reply(part) for part in parts] + [reply(reason=reason) | {"usageMetadata": USAGE}]
    answer = whole(reply(*parts, reason=reason) | {"usageMetadata": USAGE}, of)

    streamed = assembled(stream_of(replies, of))

    # Of the tier only the first event tells.
    del answer["usage"]["service_tier"]
    streamed["usage"].pop("service_tier", None)
    assert streamed == told_alike(answer)
    assert thinks or all(block["type"] != "thinking" for block in answer["content"])


@pytest.mark.parametrize(
    ("native", "told"),
    [
        ("STOP", "end_turn"),
        ("MAX_TOKENS", "max_tokens"),
        ("CONTINUATION", "pause_turn"),
        ("SAFETY", "refusal"),
        ("RECITATION", "refusal"),
        ("PROHIBITED_CONTENT", "refusal"),
        ("SPII", "refusal"),
        ("SOMETHING_NEW", "refusal"),
    ],
)
def test_why_an_answer_ended(native: str, told: str) -> None:
    message = whole(reply({"text": "a"}, reason=native, finishMessage="so it is"), plan())

    assert message["stop_reason"] == told
    assert message["stop_sequence"] is None
    if told == "refusal":
        assert message["stop_details"] == {
            "type": "refusal",
            "category": None,
            "explanation": f"{native}: so it is",
        }


def test_calls_are_a_tool_use_though_gemini_says_stop() -> None:
    message = whole(reply({"functionCall": {"name": "f"}}, reason="STOP"), plan())

    assert message["stop_reason"] == "tool_use"
    assert message["content"][0]["input"] == {}


def test_a_blocked_prompt_is_a_refusal() -> None:
    answer = {"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "no"}}

    message = whole(answer, plan())
    streamed = assembled(stream_of([answer], plan()))

    assert message["content"] == streamed["content"] == []
    assert message["stop_reason"] == streamed["stop_reason"] == "refusal"
    assert message["stop_details"]["explanation"] == "The prompt was blocked: OTHER. no"


@pytest.mark.parametrize("native", ["MALFORMED_FUNCTION_CALL", "OTHER", "UNEXPECTED_TOOL_CALL"])
def test_what_the_model_failed_at_is_an_error(native: str) -> None:
    answer = reply({"text": "a"}, reason=native)

    with pytest.raises(AnswerError, match=native):
        whole(answer, plan())
    *_, last = stream_of([answer], plan())

    assert last["type"] == "error"
    assert last["error"]["type"] == "api_error"
    assert native in last["error"]["message"]


@pytest.mark.parametrize("answer", [{}, {"candidates": []}, reply(), reply({"text": "cut"})])
def test_no_answer_or_half_of_one_is_an_error(answer: dict[str, Any]) -> None:
    with pytest.raises(AnswerError):
        whole(answer, plan())
    assert stream_of([answer], plan())[-1]["type"] == "error"


def test_signatures_of_calls_travel_in_their_ids_and_before_them() -> None:
    answer = reply(
        {"text": "hm", "thought": True},
        {"functionCall": {"name": "f", "id": "c1"}, "thoughtSignature": SIGNATURE},
        {"functionCall": {"name": "f", "id": "c2"}},
        reason="STOP",
    )

    thinking, first, second = whole(answer, plan(thinking=THINKING))["content"]

    assert thinking["signature"] == f"gemini-{SIGNATURE}"
    assert split_call_id(first["id"]) == ("c1", SIGNATURE)
    assert second["id"] == "c2"


@pytest.mark.parametrize("call_id", [None, "", "call:1", "a b", "x__sig__y", 7])
def test_odd_ids_are_replaced(call_id: object) -> None:
    answer = reply({"functionCall": {"name": "f", "id": call_id}}, reason="STOP")

    (call,) = whole(answer, plan())["content"]

    assert call["id"] == "toolu_0123456789abcdef_0"


def test_one_call_at_a_time() -> None:
    of = plan(
        tools=[{"name": "f", "input_schema": {"type": "object"}}],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    )
    call = {"functionCall": {"name": "f"}}

    message = whole(reply(call, call, {"text": "x"}, reason="STOP"), of)

    assert [block["type"] for block in message["content"]] == ["tool_use", "text"]


def test_code_that_google_ran() -> None:
    answer = reply(
        {"executableCode": {"language": "PYTHON", "code": "1/0"}, "thoughtSignature": SIGNATURE},
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "ZeroDivisionError"}},
        {"text": "it fails"},
        reason="STOP",
    )

    code, result, text = whole(answer, plan())["content"]

    assert (code["name"], code["input"]) == ("code_execution", {"code": "1/0"})
    assert result["tool_use_id"] == code["id"]
    assert result["content"]["stderr"] == "ZeroDivisionError"
    assert result["content"]["return_code"] == 1
    assert text["text"] == "it fails"


def test_what_was_found_is_cited() -> None:
    grounding = {
        "webSearchQueries": ["a", "b"],
        "groundingChunks": [
            {"web": {"uri": "https://one.example", "title": "One"}},
            {"web": {"uri": "https://two.example"}},
            {"maps": {}},
        ],
        "groundingSupports": [
            {"segment": {"text": "It is so."}, "groundingChunkIndices": [0, 2, 9, None]},
            "odd",
        ],
    }
    replies = [
        reply({"text": "It is so."}),
        reply({"text": ""}, reason="STOP", groundingMetadata=grounding),
    ]

    message = assembled(stream_of(replies, plan()))

    (text,) = message["content"]
    assert [(each["url"], each["cited_text"]) for each in text["citations"]] == [
        ("https://one.example", "It is so."),
        ("https://two.example", ""),
    ]
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 2


def test_pictures_are_told_of_in_words() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}

    (block,) = whole(reply({"text": "see: "}, picture, reason="STOP"), plan())["content"]

    assert block["text"].startswith("see: [image/png")
    assert "AAAA" not in block["text"]


def test_who_waits_hears_the_start_of_the_message_and_then_pings() -> None:
    stream = MessageStream(plan(), message_id=ID, request_id="r1")

    start, ping = events(stream.waiting())
    rest = events(stream.feed(reply({"text": "a"}, reason="STOP")))

    assert start["type"] == "message_start"
    assert ping == {"type": "ping"}
    assert rest[0]["type"] == "content_block_start"
    told = [start, *rest, *events(stream.finish())]
    assert assembled(told)["content"] == [{"type": "text", "text": "a"}]
