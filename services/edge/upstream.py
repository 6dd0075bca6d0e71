"""Sending a call to Google with a leased key."""

from collections.abc import AsyncIterator

import httpx

from services.edge.calls import Call
from services.edge.leasing.lease import HeldKey
from services.judging import Phase
from services.kit.egress import Egress

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

    __slots__ = ("_response", "_stream", "headers", "status")

    def __init__(self, response: httpx.Response) -> None:
        """Take the response of the transport."""
        self._response = response
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._stream = response.stream
        self.status = response.status_code
        self.headers = [
            (name.lower(), value)
            for name, value in response.headers.raw
            if name.lower() not in _ANSWER_HEADERS_KEPT_BACK
            and not name.lower().startswith(b"x-goog-upload-")
        ]

    @property
    def content_type(self) -> str:
        """The media type with its parameters, empty when not told."""
        value: str = self._response.headers.get("content-type", "")
        return value

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            UpstreamError: It broke off.
        """
        try:
            async for piece in self._stream:
                yield piece
        except httpx.TransportError as error:
            raise UpstreamError(
                Phase.STREAM, timed_out=isinstance(error, httpx.TimeoutException)
            ) from error

    async def read(self, limit: int) -> bytes:
        """Return the whole body and let the connection go.

        Raises:
            UpstreamError: It broke off.
            TooLongError: It is longer than `limit`.
        """
        found: list[bytes] = []
        size = 0
        try:
            async for piece in self.pieces():
                size += len(piece)
                if size > limit:
                    raise TooLongError
                found.append(piece)
        finally:
            await self.close()
        return b"".join(found)

    async def close(self) -> None:
        """Let the connection go; an answer that is not read to its end is cancelled."""
        await self._stream.aclose()


class Upstream:
    """The one way to Google, over one pool of connections for the life of the process."""

    def __init__(self, base_url: str, egress: Egress) -> None:
        """Take the upstream's root without a version, and the ways out."""
        self._url = httpx.URL(base_url)
        self._host = self._url.netloc
        self._prefix = self._url.raw_path.rstrip(b"/")
        self._egress = egress

    async def send(self, call: Call, key: HeldKey) -> Answer:
        """Send a call and return its answer once the head of it is there.

        Raises:
            UpstreamError: There was no answer.
        """
        request = httpx.Request(
            call.method,
            self._url,
            headers=[
                (b"host", self._host),
                *call.headers,
                (b"accept-encoding", b"identity"),
                (b"x-goog-api-key", key.secret.encode("latin-1")),
            ],
            content=call.body,
            extensions={"target": self._prefix + call.target.encode("latin-1")},
        )
        try:
            transport = self._egress.transport(key.proxy_url)
            return Answer(await transport.handle_async_request(request))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UpstreamError(
                Phase.CONNECT, timed_out=isinstance(error, httpx.TimeoutException)
            ) from error
        except httpx.TransportError as error:
            raise UpstreamError(
                Phase.SENT, timed_out=isinstance(error, httpx.TimeoutException)
            ) from error
