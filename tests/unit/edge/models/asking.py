"""Requests in both dialects, and what goes upstream for them."""

from typing import Any

import orjson

from tests.support.edge_in_memory import EdgeInMemory, Script, Told

MODEL = "gemini-2.5-flash"


def answer(*parts: dict[str, Any], **candidate: Any) -> Script:
    """Return a whole answer of Gemini's."""
    content = {"role": "model", "parts": list(parts) or [{"text": "a"}]}
    body = {"candidates": [{"content": content, "finishReason": "STOP"} | candidate]}
    return Script([orjson.dumps(body)])


async def generate(edge: EdgeInMemory, model: str, **request: Any) -> Any:
    """Ask in Gemini's dialect, and return what went upstream."""
    body = {"contents": [{"parts": [{"text": "hi"}]}]} | request
    told = await edge.post(f"/v1beta/models/{model}:generateContent", body, answer())
    assert told.status == 200, told.body
    return edge.sent()


async def chat(edge: EdgeInMemory, model: str, **request: Any) -> Any:
    """Ask in OpenAI's dialect, and return what went upstream."""
    told = await post_chat(edge, model, answer(), **request)
    assert told.status == 200, told.body
    return edge.sent()


async def post_chat(
    edge: EdgeInMemory, model: str, script: Script | None = None, **request: Any
) -> Told:
    """Ask in OpenAI's dialect, and return the answer."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]} | request
    return await edge.post("/v1/chat/completions", body, script)


async def message(edge: EdgeInMemory, model: str, **request: Any) -> Any:
    """Ask in Anthropic's dialect, and return what went upstream but for the limit it must name."""
    told = await post_message(edge, model, answer(), **request)
    assert told.status == 200, told.body
    sent = edge.sent()
    assert sent["generationConfig"].pop("maxOutputTokens") == 99
    if not sent["generationConfig"]:
        del sent["generationConfig"]
    return sent


async def post_message(
    edge: EdgeInMemory, model: str, script: Script | None = None, **request: Any
) -> Told:
    """Ask in Anthropic's dialect, and return the answer."""
    turns = [{"role": "user", "content": "hi"}]
    body = {"model": model, "max_tokens": 99, "messages": turns} | request
    return await edge.post("/v1/messages", body, script)


def target(edge: EdgeInMemory) -> str:
    """Return where the last call went."""
    return edge.upstream.calls[-1].target
