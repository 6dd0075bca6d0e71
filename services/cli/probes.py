"""Waiting until a part can be used. Each probe returns then, and waits for ever otherwise."""

import asyncio
from urllib.parse import urlsplit

_PAUSE_SECONDS = 0.02
_ANSWER_SECONDS = 2.0


async def valkey_answers(port: int, password: str) -> None:
    """Return once a store on this machine answers a ping, its data loaded."""
    ping = f"AUTH {password}\r\nPING\r\nQUIT\r\n"
    while b"+PONG" not in await _exchange("127.0.0.1", port, ping):
        await asyncio.sleep(_PAUSE_SECONDS)


async def http_ready(base_url: str) -> None:
    """Return once `/readyz` under a base address answers 200."""
    place = urlsplit(base_url)
    question = f"GET /readyz HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n"
    while True:
        answer = await _exchange(place.hostname or "", place.port or 80, question)
        if answer.startswith(b"HTTP/1.1 200 "):
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def _exchange(host: str, port: int, question: str) -> bytes:
    """Return all that a server answers until it closes, nothing when it cannot be asked."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            # Clients of these protocols would take 10 MB and 0.1 s to import.
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(question.encode())
                return await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""
