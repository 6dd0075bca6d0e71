"""Streams: frames in order, one end, and never a clean end of what was cut."""

import base64
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.edge.openai.chat_response import translate_answer
from services.edge.openai.chat_stream import ChatStream
from tests.unit.edge.openai.client import (
    CREATED,
    ID,
    assembled,
    completed,
    frames,
    plan,
    stream_of,
)


def event(*parts: dict[str, Any], reason: str | None = None, index: int = 0) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate]}


def stream(**changes: Any) -> ChatStream:
    return ChatStream(plan(**changes), completion_id=ID, created=CREATED)


def test_text_is_told_as_it_comes() -> None:
    told = stream()

    (first,) = frames(told.feed(event({"text": "hel"})))
    (second,) = frames(told.feed(event({"text": "lo"}, reason="STOP")))
    last, done = frames(told.finish())

    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "hel"}
    assert second["choices"][0]["delta"] == {"content": "lo"}
    assert second["choices"][0]["finish_reason"] is None
    assert last["choices"][0] == {
        "index": 0,
        "delta": {},
        "logprobs": None,
        "finish_reason": "stop",
        "native_finish_reason": "STOP",
    }
    assert done == "[DONE]"


@given(st.lists(st.text(min_size=1), min_size=1), st.sampled_from([0, 1, 7]), st.booleans())
def test_all_text_is_told_in_the_same_frames(texts: list[str], index: int, usage: bool) -> None:
    short, long = (stream(stream_options={"include_usage": usage}) for _ in range(2))

    for text in texts:
        # What the second says besides makes no frame.
        told = short.feed(event({"text": text}, index=index))
        same = long.feed(event({"text": text}, {"thoughtSignature": "c2ln"}, index=index))

        assert told == same
        assert frames(told)[0]["choices"][0]["delta"]["content"] == text


def test_a_call_is_told_in_two_pieces() -> None:
    told = stream()

    head, arguments = frames(
        told.feed(event({"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}}))
    )

    assert head["choices"][0]["delta"] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "index": 0,
                "id": "c1",
                "type": "function",
                "function": {"name": "f", "arguments": ""},
            }
        ],
    }
    assert arguments["choices"][0]["delta"] == {
        "tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]
    }


def test_a_later_stop_still_ends_a_call() -> None:
    events = [event({"functionCall": {"name": "f"}}), event({"text": ""}, reason="STOP")]

    (choice,) = assembled(stream_of(events, plan()))["choices"]

    assert choice["finish_reason"] == "tool_calls"


def test_a_reason_in_every_chunk_ends_the_answer_once() -> None:
    events = [event({"text": text}, reason="STOP") for text in "abc"]

    (choice,) = assembled(stream_of(events, plan()))["choices"]

    assert choice["message"]["content"] == "abc"


def test_calls_of_several_events_and_candidates_are_numbered_apart() -> None:
    call = {"functionCall": {"name": "f"}}
    events = [
        event(call, call),
        event(call, reason="STOP", index=1),
        event(call, reason="STOP"),
    ]

    first, second = assembled(stream_of(events, plan()))["choices"]

    assert len(first["message"]["tool_calls"]) == 3
    assert len(second["message"]["tool_calls"]) == 1
    ids = {entry["id"] for choice in (first, second) for entry in choice["message"]["tool_calls"]}
    assert len(ids) == 4


def test_events_without_news_are_not_told() -> None:
    told = stream()

    quiet: list[dict[str, Any]] = [
        {},
        {"usageMetadata": {"promptTokenCount": 1}},
        {"candidates": []},
        {"candidates": [{"index": 0, "content": {"parts": [{"text": ""}]}}]},
        {"promptFeedback": {"safetyRatings": []}},
    ]

    assert [told.feed(item) for item in quiet] == [b""] * len(quiet)


def test_sound_is_told_piece_by_piece() -> None:
    part = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AAEC"}}

    (frame,) = frames(stream().feed(event(part)))

    assert frame["choices"][0]["delta"]["audio"] == {
        "data": "AAEC",
        "mime_type": "audio/L16;rate=24000",
        "id": f"audio_{ID}",
    }


def test_log_probabilities_come_with_their_text_or_alone() -> None:
    result = {"logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -1}]}}
    with_text = event({"text": "a"})
    with_text["candidates"][0] |= result
    alone = {"candidates": [{"index": 0, "finishReason": "STOP"} | result]}

    (choice,) = assembled(stream_of([with_text, alone], plan()))["choices"]

    assert [token["token"] for token in choice["logprobs"]["content"]] == ["a", "a"]


def test_usage_is_the_last_one_and_told_at_the_end_if_asked_for() -> None:
    events = [
        event({"text": "a"}) | {"usageMetadata": {"promptTokenCount": 1}},
        event({"text": "b"}, reason="STOP")
        | {"usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 3}},
    ]
    asking = plan(stream=True, stream_options={"include_usage": True})

    answer = assembled(stream_of(events, asking), has_usage=True)

    assert answer["usage"]["prompt_tokens"] == 2
    assert answer["usage"]["total_tokens"] == 5


def test_a_blocked_prompt_is_told_and_ends_the_stream() -> None:
    told = stream()

    told.feed({"promptFeedback": {"blockReason": "SAFETY"}})

    assert told.finished
    (choice,) = assembled(frames(told.finish()))["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert choice["native_finish_reason"] == "SAFETY"
    assert "SAFETY" in choice["message"]["refusal"]


def test_what_was_cut_has_no_clean_end() -> None:
    told = stream()
    told.feed(event({"text": "a"}, reason="STOP"))
    told.feed(event({"text": "b"}, index=1))

    (error,) = frames(told.finish())

    assert not told.finished
    assert error["error"]["code"] == "truncated"


def test_a_stream_of_nothing_has_no_clean_end() -> None:
    (error,) = frames(stream().finish())

    assert error["error"]["type"] == "api_error"


def test_errors_are_told_in_band() -> None:
    (error,) = frames(stream().error_frame("overloaded", "api_error", None))

    assert error == {
        "error": {"message": "overloaded", "type": "api_error", "param": None, "code": None}
    }


_SIGNATURES = st.none() | st.binary(min_size=1, max_size=9).map(
    lambda raw: base64.b64encode(raw).decode()
)
_ARGS = st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5), max_size=2)


@st.composite
def _parts(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["text", "text", "thought", "call", "picture", "code"]))
    part: dict[str, Any]
    if kind in {"text", "thought"}:
        part = {"text": draw(st.text(max_size=12))}
        if kind == "thought":
            part["thought"] = True
    elif kind == "call":
        part = {"functionCall": {"name": "f", "args": draw(_ARGS)}}
    elif kind == "picture":
        part = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    else:
        part = {"executableCode": {"code": draw(st.text(max_size=5))}}
    signature = draw(_SIGNATURES)
    return part | ({"thoughtSignature": signature} if signature else {})


@st.composite
def _candidates(draw: st.DrawFn) -> dict[str, Any]:
    candidate: dict[str, Any] = {
        "content": {"role": "model", "parts": draw(st.lists(_parts(), max_size=8))},
        "finishReason": draw(st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "NEW_WORD"])),
    }
    if draw(st.booleans()):
        candidate["groundingMetadata"] = {"webSearchQueries": [draw(st.text(max_size=5))]}
    return candidate


def _pieces(cut: int, part: dict[str, Any]) -> list[dict[str, Any]]:
    """Cut a text anywhere, as Gemini does; its signature comes last."""
    text = part.get("text")
    if not text:
        return [part]
    bare = {name: value for name, value in part.items() if name != "thoughtSignature"}
    return [bare | {"text": text[:cut]}, part | {"text": text[cut:]}]


@st.composite
def _answers_in_events(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    candidates = [
        candidate | {"index": index}
        for index, candidate in enumerate(draw(st.lists(_candidates(), min_size=1, max_size=3)))
    ]
    usage = {"promptTokenCount": draw(st.integers(0, 9)), "candidatesTokenCount": 1}
    events = []
    for candidate in candidates:
        pieces = [
            piece
            for part in candidate["content"]["parts"]
            for piece in _pieces(draw(st.integers(0, 12)), part)
        ]
        while pieces:
            size = draw(st.integers(1, len(pieces)))
            events.append(event(*pieces[:size], index=candidate["index"]))
            pieces = pieces[size:]
        rest = {name: value for name, value in candidate.items() if name != "content"}
        with_text = draw(st.booleans())
        if events and with_text and events[-1]["candidates"][0]["index"] == rest["index"]:
            events[-1]["candidates"][0] |= rest
        else:
            events.append({"candidates": [rest]})
    events[-1]["usageMetadata"] = usage
    return {"candidates": candidates, "usageMetadata": usage}, events


@settings(deadline=None)
@given(_answers_in_events(), st.booleans())
def test_any_chunking_tells_the_same_as_the_whole(
    case: tuple[dict[str, Any], list[dict[str, Any]]], is_legacy: bool
) -> None:
    answer, events = case
    functions = [{"name": "f"}] if is_legacy else None
    of = plan(stream=True, stream_options={"include_usage": True}, functions=functions)

    streamed = assembled(stream_of(events, of), has_usage=True)
    whole = translate_answer(of, answer, completion_id=ID, created=CREATED)

    assert streamed == completed(whole)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_FIELD_WORDS = """
    candidates content parts text thought thoughtSignature functionCall name args id inlineData
    mimeType data index finishReason finishMessage promptFeedback blockReason usageMetadata
    logprobsResult chosenCandidates topCandidates token groundingMetadata promptTokensDetails
"""
_FIELDS = st.sampled_from(_FIELD_WORDS.split())
_NONSENSE = st.recursive(
    _JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=4),
    max_leaves=25,
)


@settings(deadline=None)
@given(st.dictionaries(_FIELDS, _NONSENSE, max_size=4))
def test_no_reply_breaks_the_translation(reply: dict[str, Any]) -> None:
    whole = translate_answer(plan(), reply, completion_id=ID, created=CREATED)
    told = stream()

    assert orjson.dumps(whole)
    assert whole["choices"]
    frames(told.feed(reply) + told.finish())
