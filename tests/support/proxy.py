"""Proxies for the way out of tests."""

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
            if method == "CONNECT":
                await self._tunnel(target, reader, writer)
                return
            url = urlsplit(target)
            upstream_reader, upstream = await asyncio.open_connection(url.hostname, url.port)
            self._writers.append(upstream)
            path = url.path + (f"?{url.query}" if url.query else "")
            upstream.write(f"{method} {path} {version}\r\n".encode() + rest)
            await asyncio.gather(self._pump(reader, upstream), self._pump(upstream_reader, writer))

    async def _tunnel(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, _, port = target.rpartition(":")
        upstream_reader, upstream = await asyncio.open_connection(host, int(port))
        self._writers.append(upstream)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(self._pump(reader, upstream), self._pump(upstream_reader, writer))

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
            writer.close()


class SocksProxy(ForwardProxy):
    """The same by SOCKS 5, with a name and a password."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            _, methods = await reader.readexactly(2)
            await reader.readexactly(methods)
            writer.write(b"\x05\x02")
            _, length = await reader.readexactly(2)
            name = await reader.readexactly(length)
            [length] = await reader.readexactly(1)
            self.credentials.add((name + b":" + await reader.readexactly(length)).decode())
            writer.write(b"\x01\x00")
            *_, kind = await reader.readexactly(4)
            # Only names, or the addresses that stand for themselves.
            [length] = await reader.readexactly(1) if kind == 3 else [4]
            place = await reader.readexactly(length)
            host = place.decode() if kind == 3 else ".".join(map(str, place))
            port = int.from_bytes(await reader.readexactly(2))
            self.targets.append(f"{host}:{port}")
            upstream_reader, upstream = await asyncio.open_connection(host, port)
            self._writers.append(upstream)
            writer.write(b"\x05\x00\x00\x01" + bytes(6))
            await asyncio.gather(self._pump(reader, upstream), self._pump(upstream_reader, writer))
