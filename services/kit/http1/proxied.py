"""The same client through a proxy: fuller, slower, and shared with the rest of the product."""

from collections.abc import AsyncIterator

import httpx

from services.kit.http1.reply import ExchangeError, Headers, Reply
from services.kit.http_transport import AiohttpTransport


class ProxiedClient:
    """Sends requests to one server through a proxy."""

    def __init__(self, base_url: str, transport: AiohttpTransport) -> None:
        """Take the server's address and the way through the proxy."""
        self._url = httpx.URL(base_url)
        self._transport = transport

    async def send(
        self, method: str, target: bytes, headers: Headers, body: bytes
    ) -> "ProxiedReply":
        """See `Client.send`."""
        request = httpx.Request(
            method,
            self._url,
            headers=[(b"host", self._url.netloc), *headers],
            content=body,
            extensions={"target": target},
        )
        try:
            return ProxiedReply(await self._transport.handle_async_request(request))
        except httpx.TransportError as error:
            was_sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise _told(error, was_sent=was_sent) from error

    async def aclose(self) -> None:
        """See `Client.aclose`."""
        await self._transport.aclose()


class ProxiedReply(Reply):
    """An answer that came through the proxy."""

    def __init__(self, response: httpx.Response) -> None:
        """Take the response of the transport."""
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._stream = response.stream
        self._pieces: AsyncIterator[bytes] = aiter(response.stream)
        self.status = response.status_code
        self.headers: Headers = [(name.lower(), value) for name, value in response.headers.raw]

    async def read(self) -> bytes:
        """See `Reply.read`."""
        try:
            return await anext(self._pieces, b"")
        except httpx.TransportError as error:
            raise _told(error, was_sent=True) from error

    async def close(self) -> None:
        """See `Reply.close`."""
        await self._stream.aclose()


def _told(error: httpx.TransportError, *, was_sent: bool) -> ExchangeError:
    is_late = isinstance(error, httpx.TimeoutException)
    return ExchangeError(str(error), was_sent=was_sent, timed_out=is_late)
