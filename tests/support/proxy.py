"""A proxy for the way out of tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class ForwardProxy:
    """An HTTP proxy that notes what goes through it."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.credentials: set[str] = set()
        self._writers: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Listen for the length of the block and yield `host:port`."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            port: int = server.sockets[0].getsockname()[1]
            yield f"127.0.0.1:{port}"
            for writer in self._writers:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            line, _, rest = head.partition(b"\r\n")
            method, target, version = line.decode().split(" ")
            self.targets.append(target)
            for header in rest.decode().split("\r\n"):
                if header.lower().startswith("proxy-authorization:"):
                    self.credentials.add(header.partition(":")[2].strip())
            url = urlsplit(target)
            upstream_reader, upstream = await asyncio.open_connection(url.hostname, url.port)
            self._writers.append(upstream)
            path = url.path + (f"?{url.query}" if url.query else "")
            upstream.write(f"{method} {path} {version}\r\n".encode() + rest)
            await asyncio.gather(self._pump(reader, upstream), self._pump(upstream_reader, writer))

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
            writer.close()
