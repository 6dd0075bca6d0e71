"""Gemini's answers as responses, whole and streamed: the same either way."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.edge.openai.errors import AnswerError
from services.edge.responses.response_stream import ResponseStream
from tests.unit.edge.responses.client import (
    ID,
    STEM,
    assembled,
    events,
    plan,
    reply,
    stream_of,
    whole,
)

SIGNATURE = "c2lnbmF0dXJl"
TOOLS: list[Any] = [
    {"type": "function", "name": "weather", "parameters": {"type": "object"}},
    {"type": "custom", "name": "patch"},
    {"type": "local_shell"},
    {
        "type": "namespace",
        "name": "agents",
        "description": "Agents.",
        "tools": [{"type": "function", "name": "spawn", "parameters": {}}],
    },
]
THINKING = {"reasoning": {"summary": "auto"}}
USAGE = {
    "promptTokenCount": 10,
    "cachedContentTokenCount": 4,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 18,
}


def both(answer: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an answer, which must be told alike whole and in a stream of one event."""
    of = plan(tools=TOOLS, **changes)
    told = whole(answer, of)
    assert assembled(stream_of([answer], of)) == told
    return told


def call(name: str, signature: str | None = None, **args: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": args}}
    return part | ({"thoughtSignature": signature} if signature else {})


def test_a_text() -> None:
    told = both(reply({"text": "hello"}, reason="STOP") | {"usageMetadata": USAGE})

    assert told["status"] == "completed"
    assert told["output"] == [
        {
            "id": f"msg_{STEM}_0",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "hello", "annotations": [], "logprobs": []}
            ],
        }
    ]
    assert told["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 8,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 18,
    }
    assert told["id"] == ID


def test_the_request_is_repeated() -> None:
    told = both(
        reply({"text": "a"}, reason="STOP"),
        instructions="Be terse.",
        metadata={"a": "b"},
        temperature=0.5,
        max_output_tokens=100,
        reasoning={"effort": "low"},
        parallel_tool_calls=False,
    )

    assert told["instructions"] == "Be terse."
    assert told["metadata"] == {"a": "b"}
    assert (told["temperature"], told["max_output_tokens"]) == (0.5, 100)
    assert told["reasoning"] == {"effort": "low", "summary": None}
    assert told["parallel_tool_calls"] is False
    assert told["tools"] == TOOLS


def test_a_stream_tells_what_it_does() -> None:
    told = stream_of(
        [
            reply({"text": "Thinking.", "thought": True}),
            reply({"text": "he"}),
            reply({"text": "llo"}, reason="STOP"),
        ],
        plan(**THINKING),
    )

    assert [each["type"].removeprefix("response.") for each in told] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert assembled(told)["output"][0]["summary"] == [
        {"type": "summary_text", "text": "Thinking."}
    ]


def test_calls_of_every_kind() -> None:
    told = both(
        reply(
            call("weather", SIGNATURE, city="Oslo"),
            call("patch", input="*** Begin"),
            call("local_shell", command=["ls", "-l"], working_directory="/"),
            call("agents__spawn", task="t"),
            call("unheard_of"),
            reason="STOP",
        )
    )

    weather, patch, shell, spawn, unheard = told["output"]
    assert weather == {
        "id": f"fc_{STEM}_0",
        "type": "function_call",
        "status": "completed",
        "call_id": f"call_{STEM}_0__sig__{SIGNATURE}",
        "name": "weather",
        "arguments": '{"city":"Oslo"}',
    }
    assert (patch["type"], patch["name"]) == ("custom_tool_call", "patch")
    assert patch["input"] == "*** Begin"
    assert shell["action"]["command"] == ["ls", "-l"]
    assert shell["action"]["working_directory"] == "/"
    assert (spawn["name"], spawn["namespace"]) == ("spawn", "agents")
    assert (unheard["type"], unheard["name"]) == ("function_call", "unheard_of")
    assert len({item["call_id"] for item in told["output"]}) == 5


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({"input": "a"}, "a"),
        ({"patch": "a"}, "a"),
        ({}, "{}"),
        ({"input": 1}, '{"input":1}'),
        ({"input": "a", "b": "c"}, '{"input":"a","b":"c"}'),
    ],
)
def test_free_text_however_the_model_wraps_it(args: dict[str, Any], text: str) -> None:
    (item,) = both(reply(call("patch", **args), reason="STOP"))["output"]

    assert item["input"] == text


def test_one_call_at_a_time() -> None:
    answer = reply(call("weather"), call("weather"), reason="STOP")

    assert len(both(answer, parallel_tool_calls=False)["output"]) == 1


def test_thoughts_carry_the_signature_of_what_follows() -> None:
    told = both(
        reply({"text": "Hm.", "thought": True}, call("weather", SIGNATURE), reason="STOP"),
        **THINKING,
    )

    reasoning, weather = told["output"]
    assert reasoning["encrypted_content"] == f"gemini-next:{SIGNATURE}"
    assert weather["call_id"].endswith(SIGNATURE)


def test_the_signature_of_a_text_follows_it() -> None:
    answer = reply({"text": "a"}, {"text": "", "thoughtSignature": SIGNATURE}, reason="STOP")

    message, reasoning = both(answer)["output"]

    assert message["type"] == "message"
    assert reasoning["summary"] == []
    assert reasoning["encrypted_content"] == f"gemini-last:{SIGNATURE}"


def test_thoughts_nobody_asked_for_are_not_told() -> None:
    answer = reply({"text": "Hm.", "thought": True}, {"text": "a"}, reason="STOP")

    assert [item["type"] for item in both(answer)["output"]] == ["message"]


def test_a_picture() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}

    message, picture = both(reply({"text": "Here:"}, part, reason="STOP"))["output"]

    assert message["type"] == "message"
    assert picture["type"] == "image_generation_call"
    assert (picture["result"], picture["output_format"]) == ("AAAA", "png")


def test_what_has_no_item_is_named() -> None:
    (message,) = both(reply({"executableCode": {"code": "1"}}, reason="STOP"))["output"]

    assert "executableCode" in message["content"][0]["text"]


def test_a_search() -> None:
    grounding = {
        "webSearchQueries": ["capital of Norway"],
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}, {}],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 9}, "groundingChunkIndices": [0, 1, 7, "x"]}
        ],
    }
    answer = reply({"text": "Ø: Oslo é"}, reason="STOP", groundingMetadata=grounding)

    told = whole(answer, plan())

    message, search = told["output"]
    assert assembled(stream_of([answer], plan())) == told
    (citation,) = message["content"][0]["annotations"]
    assert citation == {
        "type": "url_citation",
        "url": "https://a.example",
        "title": "A",
        "start_index": 2,
        "end_index": 8,
    }
    assert search["action"]["queries"] == ["capital of Norway"]
    assert search["action"]["sources"] == [{"type": "url", "url": "https://a.example"}]


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("STOP", "completed", None),
        ("MAX_TOKENS", "incomplete", "max_output_tokens"),
        ("CONTINUATION", "incomplete", "max_output_tokens"),
        ("SAFETY", "incomplete", "content_filter"),
        ("SOMETHING_NEW", "incomplete", "content_filter"),
    ],
)
def test_ends(reason: str, status: str, why: str | None) -> None:
    told = both(reply({"text": "a"}, reason=reason))

    (message,) = told["output"]
    assert (told["status"], message["status"]) == (status, status)
    assert told["incomplete_details"] == ({"reason": why} if why else None)
    refusals = [part["refusal"] for part in message["content"] if part["type"] == "refusal"]
    assert len(refusals) == (why == "content_filter")
    assert all(reason in refusal for refusal in refusals)


def test_a_blocked_prompt() -> None:
    told = both({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})

    (message,) = told["output"]
    assert told["incomplete_details"] == {"reason": "content_filter"}
    assert "PROHIBITED_CONTENT" in message["content"][0]["refusal"]


@pytest.mark.parametrize("reason", [None, "MALFORMED_FUNCTION_CALL", "OTHER"])
def test_what_is_no_answer(reason: str | None) -> None:
    answer = reply({"text": "a"}, reason=reason)

    with pytest.raises(AnswerError):
        whole(answer, plan())
    told = assembled(stream_of([answer], plan()))

    assert told["status"] == "failed"
    assert told["error"]["code"] == "server_error"
    assert told["output"] == []
    assert told["store"] is False


def test_a_failure_before_the_first_event() -> None:
    stream = ResponseStream(plan(), response_id=ID, created=1)

    told = events(stream.failure("rate_limit_exceeded", "Try again in 3 s."))

    assert assembled(told)["error"] == {
        "code": "rate_limit_exceeded",
        "message": "Try again in 3 s.",
    }


_PARTS = st.one_of(
    st.builds(
        lambda text, more: {"text": text} | more,
        st.text(max_size=4),
        st.sampled_from([{}, {}, {"thought": True}, {"thoughtSignature": SIGNATURE}]),
    ),
    st.builds(
        call,
        st.sampled_from(["weather", "patch", "local_shell", "agents__spawn", "odd", ""]),
        st.sampled_from([None, SIGNATURE, "no base64!"]),
        input=st.text(max_size=4) | st.integers(-9, 9),
    ),
    st.sampled_from(
        [
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            {"inlineData": {"mimeType": "audio/L16", "data": "AAAA"}},
            {"inlineData": None},
            {"thoughtSignature": SIGNATURE},
            {"functionCall": {"name": None, "args": None, "id": 7}},
            {"executableCode": {}},
            {},
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(_PARTS, max_size=7),
    st.lists(st.integers(0, 7), max_size=3),
    st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY"]),
    st.booleans(),
)
def test_streams_equal_whole_answers(
    parts: list[dict[str, Any]], cuts: list[int], reason: str, thinks: bool
) -> None:
    of = plan(tools=TOOLS, **(THINKING if thinks else {}))
    places = [0, *sorted(min(cut, len(parts)) for cut in cuts), len(parts)]
    pieces = [parts[a:b] for a, b in itertools.pairwise(places)]
    replies = [reply(*piece) for piece in pieces] + [reply(reason=reason)]

    assert assembled(stream_of(replies, of)) == whole(reply(*parts, reason=reason), of)
