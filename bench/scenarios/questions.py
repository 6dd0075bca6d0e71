"""Requests of the bench, in both dialects, with checks of their answers."""

import base64
from array import array
from typing import Any

import orjson

from bench.target import Question
from bench.upstream.answers import (
    EMBEDDING_MODEL,
    TEXT,
    VECTOR,
    plain_body,
    stream_events,
    stream_text,
)

ASKED = "Tell me what the heron by the river waits for, and for how long it can. " * 13
_DONE = b"[DONE]"


def gemini(model: str, text: str = ASKED) -> Question:
    """Return a plain request in Gemini's dialect: the answer arrives byte for byte."""
    return Question(
        f"/v1beta/models/{model}:generateContent", _contents(text), plain_body(model).__eq__
    )


def gemini_stream(model: str) -> Question:
    """Return a streamed request in Gemini's dialect: all events arrive as they were."""
    path = f"/v1beta/models/{model}:streamGenerateContent?alt=sse"
    told = b"".join(stream_events(model))
    return Question(
        path,
        _contents(ASKED),
        # Blank lines may stand before, from a stream that waited long for its upstream.
        lambda body: body.lstrip() == told,
        lambda body: _events(body) == _events(told),
    )


def chat(model: str, text: str = ASKED) -> Question:
    """Return a plain request in OpenAI's dialect."""

    def check(body: bytes) -> bool:
        choice = orjson.loads(body)["choices"][0]
        return bool(choice["message"]["content"] == TEXT and choice["finish_reason"] == "stop")

    return Question("/v1/chat/completions", _messages(model, text), check)


def chat_stream(model: str) -> Question:
    """Return a streamed request in OpenAI's dialect."""
    told = stream_text(model)

    def means(body: bytes) -> bool:
        chunks = [orjson.loads(event) for event in _events(body) if event != _DONE]
        choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
        return text == told and choices[-1]["finish_reason"] == "stop"

    def check(body: bytes) -> bool:
        return means(body) and _events(body)[-1] == _DONE

    return Question("/v1/chat/completions", _messages(model, ASKED, stream=True), check, means)


def embedding() -> Question:
    """Return an embedding request in OpenAI's dialect."""
    body = orjson.dumps({"model": EMBEDDING_MODEL, "input": ASKED})

    def check(body: bytes) -> bool:
        vector = orjson.loads(body)["data"][0]["embedding"]
        if isinstance(vector, str):
            vector = array("f", base64.b64decode(vector)).tolist()
        return len(vector) == len(VECTOR) and abs(vector[1] - VECTOR[1]) < 1e-6

    return Question("/v1/embeddings", body, check)


def gemini_embedding() -> Question:
    """Return the request that the former becomes."""
    content = {"parts": [{"text": ASKED}]}
    requests = [{"model": f"models/{EMBEDDING_MODEL}", "content": content}]
    return Question(
        f"/v1beta/models/{EMBEDDING_MODEL}:batchEmbedContents",
        orjson.dumps({"requests": requests}),
        plain_body(EMBEDDING_MODEL, "batchEmbedContents").__eq__,
    )


def _events(body: bytes) -> list[bytes]:
    lines = body.split(b"\n")
    return [line.removeprefix(b"data:").strip() for line in lines if line.startswith(b"data:")]


def _contents(text: str) -> bytes:
    return orjson.dumps({"contents": [{"role": "user", "parts": [{"text": text}]}]})


def _messages(model: str, text: str, **more: Any) -> bytes:
    messages = [{"role": "user", "content": text}]
    return orjson.dumps({"model": model, "messages": messages, **more})
