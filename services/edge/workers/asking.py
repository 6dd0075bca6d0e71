"""Asking a worker how it is."""

import asyncio

_SECONDS = 0.5


async def ask(port: int, path: str) -> tuple[int, bytes]:
    """Return the status and the body that an ops port of this machine answers, 0 for no answer."""
    question = f"GET {path} HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(question.encode())
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0, b""
    return int(head.split(b" ", 2)[1] or 0) if head else 0, body
