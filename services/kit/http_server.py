"""Uvicorn as a part of a service that handles its signals itself."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from services.kit.ops import Asgi


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


@contextlib.asynccontextmanager
async def serve_http(
    app: Asgi | Any, sock: socket.socket, *, drain_seconds: float = 5, **options: Any
) -> AsyncIterator[None]:
    """Serve an ASGI app on a bound socket for the length of the block.

    Leaving the block stops listening, lets open requests finish for at most
    `drain_seconds`, then closes them.
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
        **options,
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
