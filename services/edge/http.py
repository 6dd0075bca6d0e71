"""One HTTP exchange over bare ASGI: reading the request, sending the answer."""

import asyncio
import time
from collections.abc import MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from services.edge.dialects import Dialect
from services.edge.errors import ApiError, body_too_large, client_silent
from services.kit.http_server import BodyWriter, send_joined, writer_of
from services.kit.ops import Receive, Scope, Send

Message = MutableMapping[str, Any]

_DRAIN_LIMIT = 256 * 1024 * 1024
_DRAIN_SECONDS = 30


class ClientLeftError(Exception):
    """The client closed the connection; nobody waits for an answer."""


class BrokenAnswerError(Exception):
    """An answer has begun and cannot be completed: only a broken connection tells it."""


class Exchange:
    """A request and the way back to its client.

    Attributes:
        method: Such as `POST`.
        path: The raw path under its canonical prefix, still percent-encoded.
        query: The raw query, without the question mark.
        headers: Lower-case names; of repeated headers the last.
        dialect: What the client speaks.
        request_id: Goes to the client, the logs and the other services.
        extra: Headers that every answer to this request carries.
        scope: The request as the server saw it.
        body_bytes: How much of the body was read, piece by piece or in draining it.
        is_read: Whether that was all of it.
        started_at: When the answer began, by `time.perf_counter`; None before.
    """

    __slots__ = (
        "_is_asked_for",
        "_send",
        "_unsent",
        "_writer",
        "body_bytes",
        "dialect",
        "extra",
        "headers",
        "is_read",
        "method",
        "path",
        "query",
        "receive",
        "request_id",
        "scope",
        "started",
        "started_at",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the head of a request."""
        self.scope = scope
        self.receive = receive
        self._send = send
        self._unsent = b""
        self._writer: BodyWriter | None = None
        self.method: str = scope["method"]
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        self.path = raw.decode("latin-1")
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.dialect = Dialect.OPENAI
        self.request_id = ""
        self.extra: list[tuple[bytes, bytes]] = []
        self.started = False
        self.started_at: float | None = None
        self.status = 0
        self.body_bytes = 0
        self.is_read = False
        self._is_asked_for = False

    def header(self, name: bytes) -> str:
        """Return a header's value, empty when it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")

    def query_value(self, name: str) -> str:
        """Return the first value of a query parameter, empty when it was not sent."""
        for part in self.query.split("&"):
            key, _, value = part.partition("=")
            if key == name or ("%" in key and unquote_plus(key) == name):
                return unquote_plus(value, errors="replace")
        return ""

    async def read_body(self, limit: int) -> bytes:
        """Return the whole body.

        Raises:
            ApiError: 413 when it is longer than `limit`.
            ClientLeftError: The client went away before it was complete.
        """
        declared = self.header(b"content-length")
        if declared.isdigit() and int(declared) > limit:
            await self.drain()
            raise body_too_large(limit)
        self._is_asked_for = True
        first = await self.receive()
        if first["type"] == "http.disconnect":
            raise ClientLeftError
        body: bytes = first.get("body", b"")
        if not first.get("more_body"):
            self.is_read = True
            if len(body) > limit:
                raise body_too_large(limit)
            return body
        pieces, size = [body], len(body)
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            piece = message.get("body", b"")
            size += len(piece)
            self.is_read = not message.get("more_body")
            if size > limit:
                pieces.clear()
                await self.drain()
                raise body_too_large(limit)
            pieces.append(piece)
            if self.is_read:
                return b"".join(pieces)

    async def read_piece(self, silence: float) -> bytes | None:
        """Return the next bytes of the body, None at its end.

        Args:
            silence: How many seconds the client may be silent.

        Raises:
            ApiError: 408 when it was silent for longer.
            ClientLeftError: It went away before the body was complete.
        """
        while not self.is_read:
            self._is_asked_for = True
            try:
                async with asyncio.timeout(silence):
                    message = await self.receive()
            except TimeoutError:
                raise client_silent(silence) from None
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            self.is_read = not message.get("more_body")
            if piece := message.get("body"):
                self.body_bytes += len(piece)
                return bytes(piece)
        return None

    async def drain(self) -> None:
        """Read the rest of a refused body, so that its sender comes to read the answer."""
        if self.header(b"expect").lower() == "100-continue" and not self._is_asked_for:
            return
        seen = 0
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while seen < _DRAIN_LIMIT and not self.is_read:
                    message = await self.receive()
                    if message["type"] == "http.disconnect":
                        return
                    size = len(message.get("body", b""))
                    seen += size
                    self.body_bytes += size
                    self.is_read = not message.get("more_body")
        except TimeoutError:
            return

    async def start(
        self,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        *,
        length: int | None = None,
        first: bytes = b"",
    ) -> None:
        """Send the head of an answer, with a first piece of it in the same write."""
        head = self._head(status, headers, length)
        if first:
            await send_joined(self._send, head, _body(first, more=True))
        else:
            await self._send(head)
        if length is None:
            self._writer = writer_of(self._send)

    async def write(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece of the answer; waits while the client cannot keep up."""
        await self._send(_body(body, more=more))

    def put(self, piece: bytes) -> bool:
        """Send a piece of an answer that was begun, in this very step where the server lets it.

        Returns:
            Whether the next piece may follow at once; otherwise `drained` is to be awaited.
        """
        if self._writer is not None:
            return self._writer.write(piece)
        self._unsent = piece
        return False

    async def drained(self) -> None:
        """Return once the client has taken in what was put."""
        if self._writer is not None:
            await self._writer.drained()
        elif self._unsent:
            piece, self._unsent = self._unsent, b""
            await self.write(piece)

    async def answer(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Send a whole answer."""
        head = self._head(status, headers, len(body))
        await send_joined(self._send, head, _body(body, more=False))

    def _head(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], length: int | None
    ) -> Message:
        self.started, self.status = True, status
        self.started_at = time.perf_counter()
        head = [*headers, *self.extra]
        if length is not None:
            head.append((b"content-length", b"%d" % length))
        return {"type": "http.response.start", "status": status, "headers": head}


def _body(piece: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": more}


def json_object(body: bytes, loads: Any) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises:
        ApiError: 400 when it is not one.
    """
    try:
        value = loads(body)
    except ValueError as error:
        raise ApiError(
            400, f"The request body is not valid JSON: {error}.", code="invalid_json"
        ) from None
    if not isinstance(value, dict):
        raise ApiError(400, "The request body must be a JSON object.", code="invalid_json")
    return value
