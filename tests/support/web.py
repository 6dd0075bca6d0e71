"""A small web with names, addresses and servers of its own, all on loopback.

Servers listen on addresses of 127/8: the one that is allowed, and one that must not be reached.
"""

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.support.ports import free_port

ALLOWED = "127.0.0.2"
FORBIDDEN = "127.0.0.1"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Names(AbstractResolver):
    """A resolver in the hands of a test.

    Attributes:
        answers: Name -> the addresses of each answer in turn; the last one stays.
        asked: Every name that was asked for.
    """

    answers: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        turns = self.answers.get(host.removesuffix("."), [[]])
        addresses = turns.pop(0) if len(turns) > 1 else turns[0]
        if not addresses:
            raise OSError("no such name")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        return


@dataclass
class Site:
    """A server that answers what a test says, and counts."""

    handler: Handler
    port: int = 0
    requests: list[web.Request] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.handler(request)


@contextlib.asynccontextmanager
async def running_site(
    handler: Handler,
    *,
    address: str = ALLOWED,
    port: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Site]:
    """Run a server for the length of the block."""
    site = Site(handler, port or free_port())
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.serve)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, address, site.port, ssl_context=tls).start()
    try:
        yield site
    finally:
        await runner.cleanup()
