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


def gemini(model: str, text: str = ASKED) -> Question:
    """Return a plain request in Gemini's dialect: the answer arrives byte for byte."""
    return Question(
        f"/v1beta/models/{model}:generateContent", _contents(text), plain_body(model).__eq__
    )


def gemini_stream(model: str) -> Question:
    """Return a streamed request in Gemini's dialect: all events arrive as they were."""
    path = f"/v1beta/models/{model}:streamGenerateContent?alt=sse"
    told = b"".join(stream_events(model))
    # Blank lines may stand before, from a stream that waited long for its upstream.
    return Question(path, _contents(ASKED), lambda body: body.lstrip() == told)


def chat(model: str, text: str = ASKED) -> Question:
    """Return a plain request in OpenAI's dialect."""

    def check(body: bytes) -> bool:
        choice = orjson.loads(body)["choices"][0]
        return bool(choice["message"]["content"] == TEXT and choice["finish_reason"] == "stop")

    return Question("/v1/chat/completions", _messages(model, text), check)


def chat_stream(model: str) -> Question:
    """Return a streamed request in OpenAI's dialect."""
    told = stream_text(model)

    def check(body: bytes) -> bool:
        *events, end = [
            line.removeprefix(b"data:").strip()
            for line in body.split(b"\n")
            if line.startswith(b"data:")
        ]
        chunks = [orjson.loads(event) for event in events]
        choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
        return end == b"[DONE]" and text == told and choices[-1]["finish_reason"] == "stop"

    return Question("/v1/chat/completions", _messages(model, ASKED, stream=True), check)


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


def _contents(text: str) -> bytes:
    return orjson.dumps({"contents": [{"role": "user", "parts": [{"text": text}]}]})


def _messages(model: str, text: str, **more: Any) -> bytes:
    messages = [{"role": "user", "content": text}]
    return orjson.dumps({"model": model, "messages": messages, **more})
