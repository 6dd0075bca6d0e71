"""WebSockets as servers of ours take them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from services.kit.http_server import listen, serve_http
from services.kit.ops import Asgi, Receive, Scope, Send
from services.kit.websocket_server import websocket_options

COUNT = 20_000


@contextlib.asynccontextmanager
async def serving(app: Asgi) -> AsyncIterator[str]:
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with serve_http(app, sock, drain_seconds=1, **websocket_options(1_000_000)):
        yield f"ws://127.0.0.1:{port}"


async def test_of_many_tiny_messages_few_are_held() -> None:
    may_read = asyncio.Event()
    read: list[str] = []
    waiting: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        queue: asyncio.Queue[Any] = receive.__self__.queue  # type: ignore[attr-defined]
        await receive()
        await send({"type": "websocket.accept"})
        await may_read.wait()
        message: MutableMapping[str, Any] = await receive()
        while message["type"] == "websocket.receive":
            waiting.append(queue.qsize())
            read.append(message["text"])
            message = await receive()

    async with serving(app) as url, connect(url, proxy=None, compression=None) as connection:
        for number in range(COUNT):
            await connection.send(str(number))
        may_read.set()
        await connection.close()

    assert read == [str(number) for number in range(COUNT)]
    # A piece of 16 KiB holds no more than that of the shortest of these.
    assert max(waiting) < 16 * 1024 // 7 + 1


async def test_a_client_whose_messages_nobody_reads_is_closed_in_order() -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.close", "code": 1000})

    async with serving(app) as url:
        connection = await connect(url, proxy=None, compression=None)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(50):
                await connection.send("x" * 4000)
        await connection.wait_closed()

    assert connection.close_code == 1000
