"""The yardstick of uploads: a bare edge -> gRPC stream -> HTTP relay, without any session logic.

`python -m bench.upload_bare relay PORT UPSTREAM` and `python -m bench.upload_bare edge PORT RELAY`.
The edge takes a POST and passes its body on in 256 KiB messages; the relay opens an upload at the
upstream and streams the messages into it as one request. Flow control is left to gRPC, which takes
in whatever the line carries: the yardstick has no budget of memory to keep. What the product adds
on top of this (offsets, granules held for retries, Redis, leases, bindings) is what the bench
measures.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import grpc.aio
import httpx
import uvloop

from services.kit.http_server import listen, serve_http
from services.kit.http_transport import AiohttpTransport

FRAME = 256 * 1024
METHOD = "/bench.Bare/Relay"


class Relay:
    """Streams messages into one upload at the upstream."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._transport = AiohttpTransport(connect_timeout=10, read_timeout=60)

    async def relay(self, frames: AsyncIterator[bytes], context: Any) -> bytes:
        head = await anext(frames)
        started = await self._send(
            f"{self._upstream}/upload/v1beta/files",
            {
                "x-goog-api-key": "AIzaBench",
                "x-goog-upload-protocol": "resumable",
                "x-goog-upload-command": "start",
            },
            b"{}",
        )
        answer = await self._send(
            started.headers["x-goog-upload-url"],
            {
                "x-goog-upload-command": "upload, finalize",
                "x-goog-upload-offset": "0",
                "content-length": head.decode(),
            },
            frames,
        )
        found = [piece async for piece in answer.stream]  # type: ignore[union-attr]
        return b"".join(found)

    async def _send(
        self, url: str, headers: dict[str, str], content: bytes | AsyncIterator[bytes]
    ) -> httpx.Response:
        request = httpx.Request("POST", url, headers=headers, content=content)
        return await self._transport.handle_async_request(request)


async def run_relay(port: int, upstream: str) -> None:
    handler = grpc.stream_unary_rpc_method_handler(Relay(upstream).relay)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("bench.Bare", {"Relay": handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


async def run_edge(port: int, relay: str) -> None:
    channel = grpc.aio.insecure_channel(relay)
    call_relay = channel.stream_unary(METHOD)

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["path"] == "/readyz":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            return
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
    runner = run_relay if role == "relay" else run_edge
    uvloop.run(runner(int(own_port), target))
