"""Reading requests: a head, then a body whose bytes go to whoever takes them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

Sink = Callable[[bytes], object]


@dataclass(slots=True)
class Request:
    """One request, of which the head has arrived.

    Attributes:
        target: Path and query.
        head: All of the head, header names in small letters.
        sink: Takes the body's bytes; without one they are dropped.
    """

    target: bytes
    head: bytes
    sink: Sink | None = None

    def header(self, name: bytes) -> bytes:
        """Return the value of a header, empty when there is none."""
        start = self.head.find(b"\r\n" + name + b":")
        if start < 0:
            return b""
        start += len(name) + 3
        end = self.head.find(b"\r\n", start)
        return self.head[start : end if end >= 0 else None].strip()


class RequestProtocol(asyncio.Protocol):
    """Reads requests one after the other; subclasses answer them."""

    def __init__(self) -> None:
        self._buffer = b""
        self._request: Request | None = None
        self._left = 0
        self._chunked = False
        self.transport: asyncio.Transport

    def begun(self, request: Request) -> None:
        """Called with each head; may set its sink."""

    def ended(self, request: Request) -> None:
        """Called once the body is whole."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        while data:
            if self._request is None:
                end = data.find(b"\r\n\r\n")
                if end < 0:
                    self._buffer = data
                    return
                self._open(data[:end])
                data = data[end + 4 :]
            data = self._chunk(data) if self._chunked else self._body(data)

    def _open(self, head: bytes) -> None:
        self._request = request = Request(head.split(b" ", 2)[1], head.lower())
        self._chunked = b"chunked" in request.header(b"transfer-encoding")
        self._left = int(request.header(b"content-length") or 0)
        self.begun(request)
        if b"100-continue" in request.header(b"expect"):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._left == 0 and not self._chunked:
            self._close()

    def _body(self, data: bytes) -> bytes:
        request = self._request
        if request is None:
            return data
        size = len(data)
        part = data if size <= self._left else data[: self._left]
        self._left -= len(part)
        if request.sink is not None:
            request.sink(part)
        if self._left == 0:
            self._close()
        return data[len(part) :] if size > len(part) else b""

    def _chunk(self, data: bytes) -> bytes:
        """Take one whole chunk; keep what is not whole until more has come."""
        end = data.find(b"\r\n")
        size = int(data[:end].split(b";")[0], 16) if end > 0 else 0
        if end < 0 or len(data) < end + 4 + size:
            self._buffer = data
            return b""
        if size == 0:
            self._close()
        elif self._request is not None and self._request.sink is not None:
            self._request.sink(data[end + 2 : end + 2 + size])
        return data[end + 4 + size :]

    def _close(self) -> None:
        request, self._request = self._request, None
        self._chunked = False
        assert request is not None
        self.ended(request)
