"""A server that answers with raw bytes, exactly as a test says."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Script = Callable[[Reader, Writer], Awaitable[None]]


@dataclass
class RawServer:
    """What has happened to a server.

    Attributes:
        port: Where it listens.
        connections: How many were opened.
        requests: Each request with its body, in the order of arrival.
        left: Set once a client has closed its connection.
    """

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)


async def read_request(reader: Reader) -> bytes:
    """Return one request with its body; raises IncompleteReadError at the end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + (await reader.readexactly(length) if length else b"")


def answering(*answers: bytes, closes: bool = False) -> Callable[[RawServer], Script]:
    """Return a script that gives each request of a connection the next of some answers."""

    def bind(server: RawServer) -> Script:
        async def script(reader: Reader, writer: Writer) -> None:
            for answer in answers:
                server.requests.append(await read_request(reader))
                writer.write(answer)
                await writer.drain()
            if not closes:
                await reader.read()
                server.left.set()

        return script

    return bind


@contextlib.asynccontextmanager
async def raw_server(
    bind: Callable[[RawServer], Script], *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """Serve every connection by a script for the length of the block."""
    server = RawServer()
    script = bind(server)
    open_writers: set[Writer] = set()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: Reader, writer: Writer) -> None:
        server.connections += 1
        if task := asyncio.current_task():
            tasks.add(task)
        open_writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await script(reader, writer)
        open_writers.discard(writer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for writer in open_writers:
            writer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
