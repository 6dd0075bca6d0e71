"""A client's connection: one request at a time, its answer piece by piece."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

Check = Callable[[bytes], bool]
"""Says whether a body is right."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go: one process, or several that share the connections evenly."""

    host: str
    ports: tuple[int, ...]

    @classmethod
    def of(cls, *urls: str) -> "Address":
        """Return the address of one or several `http://HOST:PORT`."""
        parts = [urlsplit(url) for url in urls]
        return cls(parts[0].hostname or "", tuple(part.port or 80 for part in parts))


class Listener(Protocol):
    """Who hears what a connection receives."""

    def heard(self, piece: bytes) -> None:
        """Take a piece of the body."""

    def ended(self, status: int) -> None:
        """Take the end of the answer; 0 stands for a connection that broke."""


class Connection(asyncio.Protocol):
    """Sends prepared bytes and parses answers."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._parser = HttpResponseParser(self)
        self._waiting = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> float:
        """Send a request and return when, in seconds of `time.perf_counter`."""
        now = time.perf_counter()
        if self.transport.is_closing():
            # Nobody is told within the call that they made.
            asyncio.get_running_loop().call_soon(self._listener.ended, 0)
        else:
            self._waiting = True
            self.transport.write(request)
        return now

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._waiting = False
            self._listener.ended(0)

    # What follows is called by the parser.

    def on_body(self, body: bytes) -> None:
        self._listener.heard(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        # An interim answer, such as 100, is none.
        if status >= 200:
            self._waiting = False
            self._listener.ended(status)


def request_bytes(host: str, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Return a POST of JSON as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: {host}",
        *(f"{name}: {value}" for name, value in headers),
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
