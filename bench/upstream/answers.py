"""What the upstream answers, made once; clients of a bench compare with the same bytes.

The name of the model says how it answers: `gemini-2.5-flash` at once, or 50 events 20 ms apart
when streamed; `...-after-1000ms` one second later; `...-20x100ms` streams 20 events 100 ms apart;
`...-5mb` answers with a picture of 5 MB.
"""

import base64
import re
from dataclasses import dataclass
from functools import cache

import orjson

MODEL = "gemini-2.5-flash"
SLOW_MODEL = "gemini-2.5-flash-after-1000ms"
LONG_STREAM_MODEL = "gemini-2.5-flash-20x100ms"
IMAGE_MODEL = "gemini-2.5-flash-image-5mb"
EMBEDDING_MODEL = "gemini-embedding-001"

TEXT = "The heron stands still in the shallow water and waits for what the river brings. " * 9
VECTOR = [round((number * 37 % 1000) / 1000 - 0.5, 6) for number in range(768)]

_PIECE = "The heron waits in the shallows. "
_PICTURE_BYTES = 5_000_000
_DELAY = re.compile(r"-after-(\d+)ms")
_STREAM = re.compile(r"-(\d+)x(\d+)ms")


@dataclass(frozen=True, slots=True)
class Plain:
    """A whole answer, `delay` seconds after the request."""

    body: bytes
    delay: float = 0


@dataclass(frozen=True, slots=True)
class Streamed:
    """Events, each `interval` seconds after the one before; the first as long after the request."""

    events: tuple[bytes, ...]
    interval: float


@cache
def answer_of(model: str, method: str) -> Plain | Streamed | None:
    """Return the answer of a model's method, None when there is no such method."""
    if method == "streamGenerateContent":
        count, interval = map(int, found.groups()) if (found := _STREAM.search(model)) else (50, 20)
        return Streamed(_events(count), interval / 1000)
    if method == "generateContent":
        delay = int(found.group(1)) / 1000 if (found := _DELAY.search(model)) else 0
        return Plain(_picture() if model.endswith("-5mb") else _told(TEXT, "STOP"), delay)
    if method == "batchEmbedContents":
        return Plain(orjson.dumps({"embeddings": [{"values": VECTOR}]}))
    if method == "embedContent":
        return Plain(orjson.dumps({"embedding": {"values": VECTOR}}))
    return None


def plain_body(model: str, method: str = "generateContent") -> bytes:
    """Return the body of a plain answer."""
    answer = answer_of(model, method)
    assert isinstance(answer, Plain)
    return answer.body


def stream_events(model: str) -> tuple[bytes, ...]:
    """Return the events of a streamed answer."""
    answer = answer_of(model, "streamGenerateContent")
    assert isinstance(answer, Streamed)
    return answer.events


def stream_text(model: str) -> str:
    """Return what a streamed answer says."""
    return _PIECE * len(stream_events(model))


@cache
def _events(count: int) -> tuple[bytes, ...]:
    return tuple(
        b"data: " + _told(_PIECE, "STOP" if number == count - 1 else "") + b"\r\n\r\n"
        for number in range(count)
    )


def _told(text: str, finish: str) -> bytes:
    return _answer({"text": text}, finish)


@cache
def _picture() -> bytes:
    data = base64.b64encode(bytes(range(250)) * (_PICTURE_BYTES // 250)).decode()
    return _answer({"inlineData": {"mimeType": "image/png", "data": data}}, "STOP")


def _answer(part: dict[str, object], finish: str) -> bytes:
    candidate = {"content": {"parts": [part], "role": "model"}, "index": 0}
    usage = {
        "promptTokenCount": 210,
        "candidatesTokenCount": 180,
        "totalTokenCount": 390,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 210}],
    }
    return orjson.dumps(
        {
            "candidates": [candidate | ({"finishReason": finish} if finish else {})],
            "usageMetadata": usage,
            "modelVersion": MODEL,
            "responseId": "tGkqaIXYJ7ednvgP4vLd8Ac",
        }
    )
