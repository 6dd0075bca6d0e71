"""One HTTP exchange: reads the request, answers it, or breaks it off on purpose."""

import asyncio
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from services.kit.ops import Receive, Scope, Send
from services.simulator.errors import invalid

JSON = "application/json; charset=UTF-8"
LARGEST_BODY = 100 * 1024 * 1024
RECORDED_BODY = 64 * 1024
_WORTH_PACKING = 1024

_HEADERS = [
    (b"vary", b"Origin"),
    (b"vary", b"X-Origin"),
    (b"vary", b"Referer"),
    (b"server", b"scaffolding on HTTPServer2"),
    (b"x-xss-protection", b"0"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
]


async def _closed(*_: object) -> Any:
    raise RuntimeError("the exchange is over")


def _nothing() -> None:
    """Nobody wants to know."""


class ClientGoneError(Exception):
    """The client has closed the connection, or a fault has cut it."""


class Exchange:
    """A request and its answer.

    Attributes:
        status: The status sent, 0 before that.
        is_cut: Whether the simulator broke the connection on purpose.
        is_mute: Whether the connection is broken instead of an answer.
        on_cut: Called just before the connection is broken on purpose.
        recorded: The first bytes of the request's body.
        body_bytes: Length of the body read so far.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take over from the ASGI server."""
        self._scope = scope
        self._receive = receive
        self._send = send
        self._watch: asyncio.Future[Any] | None = None
        self._cut_after: int | None = None
        self._answer_delay = 0.0
        self._is_read = False
        self._held: list[bytes] = []
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        raw_query: bytes = scope["query_string"]
        self.query = (
            dict(parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True))
            if raw_query
            else {}
        )
        self.status = 0
        self.is_cut = False
        self.is_mute = False
        self.on_cut: Callable[[], None] = _nothing
        self.recorded = b""
        self.body_bytes = 0

    @property
    def scope(self) -> Scope:
        """The ASGI scope."""
        return self._scope

    def header(self, name: bytes) -> str:
        """Return a header of the request, or an empty text."""
        return self.headers.get(name, b"").decode("latin-1")

    def cut_after(self, body_bytes: int) -> None:
        """Break the connection once this many bytes of the request's body were read."""
        self._cut_after = body_bytes

    def hold_answer(self, seconds: float) -> None:
        """Let the answer wait, after everything has happened that it tells of."""
        self._answer_delay = seconds

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the request's body as it arrives.

        Raises:
            ClientGoneError: The connection ended before the body did.
        """
        for piece in self._held:
            yield piece
        self._held = []
        while not self._is_read:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece = message.get("body", b"")
            self._is_read = not message.get("more_body", False)
            if self._cut_after is not None and self.body_bytes + len(piece) >= self._cut_after:
                yield self._take(piece[: self._cut_after - self.body_bytes])
                await self.cut()
                raise ClientGoneError
            if piece:
                yield self._take(piece)

    def _take(self, piece: bytes) -> bytes:
        if len(self.recorded) < RECORDED_BODY:
            self.recorded += piece[: RECORDED_BODY - len(self.recorded)]
        self.body_bytes += len(piece)
        return piece

    async def read_body(self) -> bytes:
        """Return the whole body of the request.

        Raises:
            ApiError: It is larger than Google takes inline.
            ClientGoneError: The connection ended before the body did.
        """
        found = []
        async for piece in self.pieces():
            found.append(piece)
            if self.body_bytes > LARGEST_BODY:
                raise invalid(f"Request payload size exceeds the limit: {LARGEST_BODY} bytes.")
        return found[0] if len(found) == 1 else b"".join(found)

    async def hold_body(self) -> None:
        """Read the body now, for whoever asks for it later.

        Raises:
            ApiError: It is larger than Google takes inline.
            ClientGoneError: The connection ended before the body did.
        """
        body = await self.read_body()
        self._held = [body] if body else []

    async def skip_body(self) -> None:
        """Read the body and forget it."""
        async for _ in self.pieces():
            pass

    async def answer(
        self,
        status: int,
        body: bytes,
        content_type: str = JSON,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Send a whole answer."""
        if self._answer_delay:
            await self.pause(self._answer_delay)
        if self.is_mute:
            await self.cut()
            return
        self.status = status
        fields = [(b"content-type", content_type.encode()), *_HEADERS, *headers]
        if len(body) >= _WORTH_PACKING and b"gzip" in self.headers.get(b"accept-encoding", b""):
            body = gzip.compress(body, 1)
            fields.append((b"content-encoding", b"gzip"))
        fields.append((b"content-length", b"%d" % len(body)))
        await self._send({"type": "http.response.start", "status": status, "headers": fields})
        await self._send({"type": "http.response.body", "body": body})

    async def start_stream(self, content_type: str) -> None:
        """Send the head of an answer whose body follows in pieces."""
        self.status = 200
        fields = [(b"content-type", content_type.encode()), *_HEADERS]
        await self._send({"type": "http.response.start", "status": 200, "headers": fields})
        self._begin_watch()

    async def write(self, data: bytes) -> None:
        """Send a piece of the body.

        Raises:
            ClientGoneError: The client no longer listens.
        """
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._check_watch()

    async def end_stream(self) -> None:
        """Send the regular end of the body."""
        await self._send({"type": "http.response.body", "body": b""})

    async def pause(self, seconds: float) -> None:
        """Wait while the client does; the body must have been read.

        Raises:
            ClientGoneError: The client left meanwhile.
        """
        watch = self._begin_watch()
        await asyncio.wait({watch}, timeout=seconds)
        self._check_watch()

    async def cut(self) -> None:
        """Break the connection with a TCP reset, after what was written so far has left."""
        self.is_cut = True
        # ASGI has no word for this; the server's own transport stands behind `receive`.
        transport: asyncio.Transport = self._receive.__self__.transport  # type: ignore[attr-defined]
        for _ in range(1000):
            if transport.is_closing() or not transport.get_write_buffer_size():
                break
            await asyncio.sleep(0.001)
        connection = transport.get_extra_info("socket")
        if connection is not None and not transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Before the client can know: who asks after it finds this request counted.
        self.on_cut()
        transport.abort()
        watch = self._watch
        while watch is None and (await self._receive())["type"] != "http.disconnect":
            pass
        if watch is not None:
            await asyncio.wait({watch})

    def close(self) -> None:
        """Let go of the connection; what is known about the request stays."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._receive, self._send = _closed, _closed

    def _begin_watch(self) -> asyncio.Future[Any]:
        # The body has been read, so the next message can only be the disconnect.
        if self._watch is None:
            self._watch = asyncio.ensure_future(self._receive())
        return self._watch

    def _check_watch(self) -> None:
        if self._watch is not None and self._watch.done():
            raise ClientGoneError
