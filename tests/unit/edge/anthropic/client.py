"""What Anthropic's SDK makes of our answers."""

import json
from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from services.edge.anthropic.message_request import MessagePlan, translate_message
from services.edge.anthropic.message_response import translate_answer
from services.edge.anthropic.message_stream import MessageStream

ID = "msg_0123456789abcdef"
THINKING = {"type": "enabled", "budget_tokens": 2048}
_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def plan(**changes: Any) -> MessagePlan:
    """Return the plan of a short request."""
    body = {
        "model": "gemini-3-flash-preview",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hi"}],
    }
    return translate_message(body | changes)


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


def stream_of(replies: list[dict[str, Any]], of: MessagePlan) -> list[dict[str, Any]]:
    """Return all events of a stream."""
    stream = MessageStream(of, message_id=ID, request_id="r1")
    return events(b"".join(stream.feed(each) for each in replies) + stream.finish())


def assembled(told: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the message that the SDK puts together of events, checking their manners."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    open_block, blocks = None, 0
    assert told[-1]["type"] == "message_stop"
    assert told[-2]["type"] == "message_delta"
    for event in told:
        parsed = _EVENT.validate_python(event)
        if event["type"] == "content_block_start":
            assert open_block is None
            assert event["index"] == blocks
            open_block, blocks = event["index"], blocks + 1
        elif event["type"] == "content_block_stop":
            assert event["index"] == open_block
            open_block = None
        elif event["type"] == "content_block_delta":
            assert event["index"] == open_block
        snapshot = accumulate_event(event=parsed, current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot is not None
    assert open_block is None
    message: dict[str, Any] = told_alike(snapshot.to_dict())
    return message


def whole(answer: dict[str, Any], of: MessagePlan) -> dict[str, Any]:
    """Return a whole answer, which must be a message to the SDK."""
    message = translate_answer(of, answer, message_id=ID)
    Message.model_validate(message, strict=True)
    return message


def told_alike(value: Any) -> Any:
    """Return a whole message as `assembled` returns one: without what is null."""
    if isinstance(value, dict):
        return {name: told_alike(each) for name, each in value.items() if each is not None}
    return [told_alike(each) for each in value] if isinstance(value, list) else value
