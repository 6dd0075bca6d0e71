"""Uvicorn as a part of a service that handles its signals itself."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from services.kit.ops import Asgi, Send


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the service."""
        yield


def listen(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """Bind a listening socket, so that a taken port fails before anything starts.

    Args:
        host: Address to bind.
        port: Port to bind; 0 takes any free one.
        is_shared: Let others that say the same bind it too; the system spreads connections.

    Raises:
        OSError: The address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the protocol is named.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


class BodyWriter:
    """Sends pieces of a body of unknown length in plain calls.

    ASGI's own way costs a message and a coroutine for each piece.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        """Take uvicorn's side of an answer that has begun."""
        self._cycle = cycle

    def write(self, piece: bytes) -> bool:
        """Send a piece; False when the client does not keep up: `drained` is to be awaited."""
        cycle = self._cycle
        if piece and not cycle.disconnected:
            cycle.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        return not cycle.flow.write_paused

    async def drained(self) -> None:
        """Return once the client has taken in what was sent, or has left."""
        await self._cycle.flow.drain()


class _Joined(asyncio.Transport):
    """Keeps what is written to a connection, to write it at once: each write is a system call."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._pieces: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._pieces.append(bytes(data))

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        if self._pieces:
            self._transport.write(b"".join(self._pieces))
            self._pieces.clear()


async def send_joined(send: Send, *messages: MutableMapping[str, Any]) -> None:
    """Send messages of one answer, in one write where it is uvicorn that sends."""
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle):
        for message in messages:
            await send(message)
        return
    transport = cycle.transport
    cycle.transport = joined = _Joined(transport)
    try:
        for message in messages:
            await send(message)
    finally:
        cycle.transport = transport
        joined.flush()


def writer_of(send: Send) -> BodyWriter | None:
    """Return the plain way to send the body of an answer that has begun, None without one."""
    cycle = getattr(send, "__self__", None)
    if isinstance(cycle, RequestResponseCycle) and cycle.chunked_encoding:
        return BodyWriter(cycle)
    return None


@contextlib.asynccontextmanager
async def serve_http(
    app: Asgi | Any, sock: socket.socket, *, drain_seconds: float = 5, **options: Any
) -> AsyncIterator[None]:
    """Serve an ASGI app on a bound socket for the length of the block.

    Leaving the block stops listening, lets open requests finish for at most
    `drain_seconds`, then closes them. WebSockets need `websocket_options`.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        # Whoever trusts forwarded headers reads them itself.
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
        **({"ws": "none"} | options),
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the HTTP server ended before it started")
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await task
