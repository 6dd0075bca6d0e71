"""The least that a relay of this stack can do: `python -m bench.yardstick PORT UPSTREAM`.

A bare ASGI app on the product's own HTTP server, and aiohttp towards the upstream: the body in,
the answer out piece by piece, nothing looked at. What the product costs is told as a multiple of
this, in the same rounds, because a ratio is the same on a fast and on a busy machine.
"""

import asyncio
import gc
import ssl
import sys
from collections.abc import MutableMapping
from typing import Any

import aiohttp
import uvloop
from yarl import URL

from services.kit.http_server import listen, serve_http

_KEPT = (b"content-type", b"x-goog-upload-status", b"content-length")


class Relay:
    """Passes requests on."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=ssl.create_default_context()),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Answer one request as an ASGI app."""
        pieces = []
        while True:
            message = await receive()
            pieces.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        target = scope["raw_path"] + (
            b"?" + scope["query_string"] if scope["query_string"] else b""
        )
        async with self._session.post(
            URL(self._upstream + target.decode(), encoded=True),
            data=b"".join(pieces),
            headers={"content-type": "application/json", "x-goog-api-key": "AIzaBench"},
        ) as answer:
            headers = [pair for pair in answer.raw_headers if pair[0].lower() in _KEPT]
            start = {"type": "http.response.start", "status": answer.status, "headers": headers}
            await send(start)
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})


async def serve(port: int, upstream: str) -> None:
    """Serve until killed."""
    relay = Relay(upstream)
    async with serve_http(relay, listen("127.0.0.1", port), backlog=2048):
        gc.freeze()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
