"""Sending a call to Google with a leased key."""

from collections.abc import AsyncIterator, Iterable, Mapping

import httpx

from services.edge.calls import Call
from services.edge.leasing.lease import HeldKey
from services.judging import Phase
from services.kit.egress import Egress
from services.kit.http1.reply import Client, ExchangeError, Reply, Sink

_ANSWER_HEADERS_KEPT_BACK = frozenset(
    {
        b"access-control-allow-origin",
        b"access-control-expose-headers",
        b"alt-svc",
        b"connection",
        b"content-length",
        b"date",
        b"keep-alive",
        b"location",
        b"server",
        b"set-cookie",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"via",
        b"x-request-id",
    }
)


class UpstreamError(Exception):
    """The way to the upstream failed.

    Attributes:
        phase: How far the call had come.
        timed_out: Whether it was silence that ended it.
    """

    def __init__(self, phase: Phase, *, timed_out: bool) -> None:
        """Say how far the call had come."""
        super().__init__(f"upstream failed in phase {phase.name}")
        self.phase = phase
        self.timed_out = timed_out


class TooLongError(Exception):
    """An answer that is not streamed exceeds what the edge holds in memory."""


class Answer:
    """An upstream answer whose body is still to be read."""

    __slots__ = ("_reply", "headers", "status")

    def __init__(self, reply: Reply) -> None:
        """Take what the upstream answered."""
        self._reply = reply
        self.status = reply.status
        self.headers = [
            header
            for header in reply.headers
            if header[0] not in _ANSWER_HEADERS_KEPT_BACK
            and not header[0].startswith(b"x-goog-upload-")
        ]

    @property
    def content_type(self) -> str:
        """The media type with its parameters, empty when not told."""
        for name, value in self.headers:
            if name == b"content-type":
                return value.decode("latin-1")
        return ""

    def pieces(self) -> AsyncIterator[bytes]:
        """Return the body as it arrives, one piece for all that arrived since the last.

        Raises:
            UpstreamError: It broke off; raised by the iterator.
        """
        return _Pieces(self._reply)

    async def deliver(self, sink: Sink) -> None:
        """Give the rest of the body to a sink as it arrives.

        Raises:
            UpstreamError: It broke off. What the sink raises is raised, too.
        """
        try:
            await self._reply.deliver(sink)
        except ExchangeError as error:
            raise UpstreamError(Phase.STREAM, timed_out=error.timed_out) from error

    async def read(self, limit: int) -> bytes:
        """Return the whole body and let the connection go.

        Raises:
            UpstreamError: It broke off.
            TooLongError: It is longer than `limit`.
        """
        found: list[bytes] = []
        size = 0
        try:
            while piece := await self._reply.read():
                size += len(piece)
                if size > limit:
                    raise TooLongError
                found.append(piece)
        except ExchangeError as error:
            raise UpstreamError(Phase.STREAM, timed_out=error.timed_out) from error
        finally:
            await self._reply.close()
        return found[0] if len(found) == 1 else b"".join(found)

    async def close(self) -> None:
        """Let the connection go; an answer that is not read to its end is cancelled."""
        await self._reply.close()


class _Pieces:
    """Iterates over a body. A generator would cost a frame more for each piece."""

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __aiter__(self) -> "_Pieces":
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._reply.read()
        except ExchangeError as error:
            raise UpstreamError(Phase.STREAM, timed_out=error.timed_out) from error
        if not piece:
            raise StopAsyncIteration
        return piece


class Upstream:
    """The one way to Google, over one pool of connections for the life of the process."""

    def __init__(
        self, base_url: str, egress: Egress[Client], custom_headers: Mapping[str, str]
    ) -> None:
        """Take the upstream's root without a version, the ways out, and what all calls carry."""
        self._prefix = httpx.URL(base_url).raw_path.rstrip(b"/")
        self._egress = egress
        self._custom = {
            name.lower().encode("latin-1"): value.encode("latin-1")
            for name, value in custom_headers.items()
        }

    async def send(self, call: Call, key: HeldKey) -> Answer:
        """Send a call and return its answer once the head of it is there.

        Raises:
            UpstreamError: There was no answer.
        """
        headers = [
            *self._headers(call),
            (b"accept-encoding", b"identity"),
            (b"x-goog-api-key", key.secret.encode("latin-1")),
        ]
        target = self._prefix + call.target.encode("latin-1")
        client = self._egress.transport(key.proxy_url)
        try:
            return Answer(await client.send(call.method, target, headers, call.body))
        except ExchangeError as error:
            phase = Phase.SENT if error.was_sent else Phase.CONNECT
            raise UpstreamError(phase, timed_out=error.timed_out) from error

    def _headers(self, call: Call) -> Iterable[tuple[bytes, bytes]]:
        if not self._custom:
            return call.headers
        own = [header for header in call.headers if header[0] not in self._custom]
        return [*own, *self._custom.items()]
