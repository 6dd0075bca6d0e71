"""The yardstick of uploads: a bare edge -> gRPC stream -> HTTP relay, without any session logic.

`python -m bench.upload_yardstick files PORT UPSTREAM` and `... edge PORT FILES`. The edge takes a
POST and passes its body on in 256 KiB messages; the second hop opens an upload at the upstream and
streams the messages into it as one request. Flow control is left to gRPC, which takes in whatever
the line carries: the yardstick has no budget of memory to keep. What the product adds on top of
this (offsets, granules held for retries, Redis, leases, bindings) is what the bench measures.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import aiohttp
import grpc
import grpc.aio
import uvloop

from services.kit.http_server import listen, serve_http

FRAME = 256 * 1024
SERVICE = "bench.Bare"
_START = {
    "x-goog-api-key": "AIzaBench",
    "x-goog-upload-protocol": "resumable",
    "x-goog-upload-command": "start",
}


class Relay:
    """Streams messages into one upload at the upstream."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def relay(self, frames: AsyncIterator[bytes], _: Any) -> bytes:
        """Answer one call: the first message is the size, the others are the bytes."""
        size = await anext(frames)
        start = f"{self._upstream}/upload/v1beta/files"
        async with self._session.post(start, headers=_START, json={}) as started:
            url = started.headers["x-goog-upload-url"]
        headers = {
            "x-goog-upload-command": "upload, finalize",
            "x-goog-upload-offset": "0",
            "content-length": size.decode(),
        }
        async with self._session.post(url, headers=headers, data=frames) as answer:
            return await answer.read()


async def run_files(port: int, upstream: str) -> None:
    """Serve the second hop until killed."""
    handler: Any = grpc.stream_unary_rpc_method_handler(Relay(upstream).relay)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Relay": handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


async def run_edge(port: int, files: str) -> None:
    """Serve the first hop until killed."""
    channel = grpc.aio.insecure_channel(files)
    call_relay: Any = channel.stream_unary(f"/{SERVICE}/Relay")

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        call = call_relay()
        await call.write(headers[b"content-length"])
        frame = bytearray()
        while True:
            message = await receive()
            frame += message.get("body", b"")
            if len(frame) >= FRAME or not message.get("more_body"):
                await call.write(bytes(frame))
                frame.clear()
            if not message.get("more_body"):
                break
        await call.done_writing()
        body = await call
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async with serve_http(app, listen("127.0.0.1", port)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    role, own_port, target = sys.argv[1:]
    runner = run_files if role == "files" else run_edge
    uvloop.run(runner(int(own_port), target))
