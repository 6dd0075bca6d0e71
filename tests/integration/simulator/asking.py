"""What the tests of the simulator ask it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson

FLASH = "gemini-2.5-flash"
GENERATE = f"/v1beta/models/{FLASH}:generateContent"
STREAM = f"/v1beta/models/{FLASH}:streamGenerateContent"
COUNT = f"/v1beta/models/{FLASH}:countTokens"


def ask(text: str = "hello", **rest: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **rest}


def text_of(reply: dict[str, Any]) -> str:
    parts = reply["candidates"][0]["content"]["parts"]
    return "".join(part.get("text", "") for part in parts)


def reason_of(response: httpx.Response) -> str | None:
    for detail in response.json()["error"].get("details", []):
        if "reason" in detail:
            reason: str = detail["reason"]
            return reason
    return None


def events_of(body: bytes) -> list[Any]:
    """Return the events of a whole stream; every one must be framed as Google frames it."""
    frames = body.split(b"\r\n\r\n")
    assert frames.pop() == b""
    assert all(frame.startswith(b"data: ") for frame in frames)
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Wait for a condition, at most so long."""
    async with asyncio.timeout(seconds):
        while not await holds():  # the condition lies behind the network
            await asyncio.sleep(0.01)
