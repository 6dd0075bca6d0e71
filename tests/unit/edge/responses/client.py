"""What OpenAI's SDK makes of our responses."""

import json
from typing import Any

from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from services.edge.responses.response_answer import translate_answer
from services.edge.responses.response_request import ResponsePlan, translate_response
from services.edge.responses.response_stream import ResponseStream

STEM = "0123456789abcdef0123456789abcdef"
ID = f"resp_{STEM}"
_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
# The field of an item that each kind of delta lets grow.
_GROWING = {
    "response.output_text.delta": ("response.output_text.done", "text"),
    "response.refusal.delta": ("response.refusal.done", "refusal"),
    "response.reasoning_summary_text.delta": ("response.reasoning_summary_text.done", "text"),
    "response.function_call_arguments.delta": (
        "response.function_call_arguments.done",
        "arguments",
    ),
    "response.custom_tool_call_input.delta": ("response.custom_tool_call_input.done", "input"),
}


def plan(**changes: Any) -> ResponsePlan:
    """Return the plan of a short request."""
    return translate_response({"model": "gemini-3-flash-preview", "input": "hi"} | changes)


def sent(**changes: Any) -> dict[str, Any]:
    """Return what goes to Gemini for a short request."""
    return plan(**changes).gemini_body


def reply(*parts: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a reply of Gemini's."""
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate | more]}


def events(frames: bytes) -> list[dict[str, Any]]:
    """Return the events of frames, whose names must be those in their data."""
    found = []
    assert frames.endswith(b"\n\n") or not frames
    for block in frames.split(b"\n\n")[:-1]:
        name, data = block.split(b"\n")
        event = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        found.append(event)
    return found


def stream_of(replies: list[dict[str, Any]], of: ResponsePlan) -> list[dict[str, Any]]:
    """Return all events of a stream."""
    stream = ResponseStream(of, response_id=ID, created=1)
    frames = b"".join(stream.feed(each) for each in replies) + stream.finish()
    if stream.whole is not None:
        frames += stream.last(stream.whole)
    return events(frames)


def assembled(told: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the response that a stream ends with, checking the manners of its events."""
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    begun: dict[int, dict[str, Any]] = {}
    done: list[dict[str, Any]] = []
    texts: dict[tuple[str, int, int], str] = {}
    assert [each["type"] for each in told[:2]] == ["response.created", "response.in_progress"]
    assert [each["sequence_number"] for each in told] == [*range(len(told))]
    for event in told:
        state.handle_event(_EVENT.validate_python(event))
        kind, index = event["type"], event.get("output_index", -1)
        if kind == "response.output_item.added":
            assert index == len(begun) == len(done), "one item after the other"
            begun[index] = event["item"]
        elif kind == "response.output_item.done":
            assert event["item"]["id"] == begun[index]["id"]
            assert event["item"]["type"] == begun[index]["type"]
            done.append(event["item"])
        elif index >= 0:
            assert event["item_id"] == begun[index]["id"]
            assert index == len(done), "nothing follows the end of an item"
        place: tuple[int, int] = (
            index,
            event.get("content_index", event.get("summary_index", 0)),
        )
        if kind in _GROWING:
            ends, name = _GROWING[kind]
            texts[ends, *place] = texts.get((ends, *place), "") + event["delta"]
        for ends, name in _GROWING.values():
            if kind == ends:
                assert event[name] == texts.get((ends, *place), "")
    last = told[-1]
    assert last["type"] == f"response.{last['response']['status']}"
    assert last["response"]["output"] == done
    response: dict[str, Any] = last["response"]
    return response


def whole(answer: dict[str, Any], of: ResponsePlan) -> dict[str, Any]:
    """Return a whole answer, which must be a response to the SDK."""
    response = translate_answer(of, answer, response_id=ID, created=1)
    Response.model_validate(response, strict=True)
    return response
