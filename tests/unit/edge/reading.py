"""What the clients of each form of a stream make of its bytes, written apart from the edge."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.edge_in_memory import Told

OPENAI = "openai"
COMPLETIONS = "completions"
EVENTS = "events"
ARRAY = "array"
MESSAGES = "messages"
RESPONSES = "responses"
FORMS = (OPENAI, COMPLETIONS, EVENTS, ARRAY, MESSAGES, RESPONSES)

_MODEL = "gemini-3-flash-preview"


def asked(form: str) -> tuple[str, dict[str, Any]]:
    """Return the target and the body of a request for a stream in a form."""
    if form == OPENAI:
        return "/v1/chat/completions", {
            "model": _MODEL,
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    if form == COMPLETIONS:
        return "/v1/completions", {
            "model": _MODEL,
            "prompt": "hi",
            "echo": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    if form == MESSAGES:
        return "/v1/messages", {
            "model": _MODEL,
            "max_tokens": 1000,
            "thinking": {"type": "adaptive"},
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
        }
    if form == RESPONSES:
        return "/v1/responses", {
            "model": _MODEL,
            "reasoning": {"summary": "auto"},
            "input": "hi",
            "stream": True,
        }
    alt = "?alt=json" if form == ARRAY else ""
    target = f"/v1beta/models/{_MODEL}:streamGenerateContent{alt}"
    return target, {"contents": [{"parts": [{"text": "hi"}]}]}


@dataclass
class Heard:
    """What a client heard.

    Attributes:
        told: Whether it was told of a failure, in whichever way.
        finished: Whether it was told why the answer ended.
        items: What it was told besides, without what differs from call to call.
    """

    told: bool = False
    finished: bool = False
    items: list[Any] = field(default_factory=list)


def heard(form: str, answer: Told) -> Heard:
    """Return what a client makes of an answer."""
    result = Heard(told=answer.status != 200 or not answer.is_ended)
    if answer.status != 200:
        assert "error" in answer.json()
        return result
    if form == ARRAY:
        _read_array(answer, result)
        return result
    if form == MESSAGES:
        _read_messages(answer.body, result)
        return result
    if form == RESPONSES:
        _read_response(answer.body, result)
        return result
    for data in _events(answer.body):
        if form in {OPENAI, COMPLETIONS}:
            _read_chunk(data, result)
        else:
            _read_reply(json.loads(data), result)
    return result


def _events(body: bytes) -> list[bytes]:
    text = body.replace(b"\r\n", b"\n")
    blocks = [block for block in text.split(b"\n\n") if block.strip()]
    assert not blocks or text.endswith(b"\n\n"), "half an event"
    assert all(block.startswith(b"data: ") for block in blocks)
    return [block.removeprefix(b"data: ") for block in blocks]


def _read_messages(body: bytes, result: Heard) -> None:
    """Read Anthropic's events, whose names stand before their data."""
    assert body.endswith(b"\n\n"), "half an event"
    stem = ""
    for block in body.split(b"\n\n")[:-1]:
        assert not result.finished, "nothing follows message_stop"
        name, data = block.split(b"\n")
        event = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        if event["type"] == "error":
            assert set(event["error"]) == {"type", "message"}
            result.told = True
            continue
        assert not result.told, "nothing follows an error"
        if event["type"] == "message_start":
            assert not result.items
            stem = event["message"]["id"].removeprefix("msg_")
        result.finished = event["type"] == "message_stop"
        result.items.append(json.loads(json.dumps(event).replace(stem, "ID")))


def _read_response(body: bytes, result: Heard) -> None:
    """Read the events of a response, which end with all of it."""
    assert body.endswith(b"\n\n"), "half an event"
    stem = ""
    for number, block in enumerate(body.split(b"\n\n")[:-1]):
        assert not result.finished, "nothing follows the end"
        assert not result.told, "nothing follows a failure"
        name, data = block.split(b"\n")
        event = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        assert event["sequence_number"] == number
        response = event.get("response", {})
        if event["type"] == "response.created":
            stem = response["id"].removeprefix("resp_")
        response.pop("created_at", None)
        if event["type"] == "response.failed":
            assert set(response["error"]) == {"code", "message"}
            result.told = True
            continue
        result.finished = event["type"] in {"response.completed", "response.incomplete"}
        result.items.append(json.loads(json.dumps(event).replace(stem, "ID")))


def _read_chunk(data: bytes, result: Heard) -> None:
    assert not result.finished, "nothing follows [DONE]"
    if data == b"[DONE]":
        assert any(choice["finish_reason"] for item in result.items for choice in item["choices"])
        result.finished = True
        return
    chunk = json.loads(data)
    if "error" in chunk:
        result.told = True
        return
    stem = chunk.pop("id").partition("-")[2]
    del chunk["created"]
    result.items.append(json.loads(json.dumps(chunk).replace(stem, "ID")))


def _read_reply(reply: dict[str, Any], result: Heard) -> None:
    if "error" in reply:
        result.told = True
        return
    result.items.append(reply)
    candidates = reply.get("candidates", [])
    result.finished |= any(candidate.get("finishReason") for candidate in candidates)


def _read_array(answer: Told, result: Heard) -> None:
    body = answer.body.decode()
    if answer.is_ended:
        for reply in json.loads(body):
            _read_reply(reply, result)
        return
    # As a client that parses while it reads, and then finds the connection broken.
    decoder, place = json.JSONDecoder(), 0
    assert body[:1] == "["
    while place < len(body):
        place = next((at for at in range(place, len(body)) if body[at] == "{"), len(body))
        if place < len(body):
            reply, place = decoder.raw_decode(body, place)
            _read_reply(reply, result)
    assert not body.rstrip().endswith("]"), "it looks complete"
