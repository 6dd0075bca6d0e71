"""Sending requests to Google: directly or through a proxy, with a key or without."""

from collections.abc import AsyncIterator, Mapping
from typing import cast

import httpx

from services.files.sessions import UnansweredError
from services.kit.egress import Egress
from services.kit.http_transport import AiohttpTransport

PIECE = 256 * 1024
"""Bodies go out in pieces of so many bytes."""

_LONGEST_ANSWER = 1024 * 1024


class GoogleClient:
    """The one way to Google, over one pool of connections for the life of the process."""

    def __init__(self, base_url: str, egress: Egress[AiohttpTransport]) -> None:
        """Take the upstream's root without a version, and the ways out."""
        self._url = httpx.URL(base_url)
        self._host = self._url.netloc
        self._prefix = self._url.raw_path.rstrip(b"/")
        self._egress = egress

    async def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes | memoryview = b"",
        secret: str = "",
        proxy_url: str = "",
    ) -> httpx.Response:
        """Send a request and return the response once its head is there.

        Args:
            method: The HTTP method.
            target: Path and query below the upstream's root, beginning with a slash.
            headers: Headers of the request.
            body: Its body; a memoryview must stay as it is until the response is closed.
            secret: The key, empty for none.
            proxy_url: The proxy, empty for none.

        Raises:
            UnansweredError: There was no answer.
        """
        sent = {"host": self._host.decode(), "accept-encoding": "identity", **headers}
        if secret:
            sent["x-goog-api-key"] = secret
        if method != "GET":
            sent["content-length"] = str(len(body))
        request = httpx.Request(
            method,
            self._url,
            headers=sent,
            content=_pieces(body) if len(body) > PIECE else bytes(body),
            extensions={"target": self._prefixed(target.encode("latin-1"))},
        )
        try:
            return await self._egress.transport(proxy_url).handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UnansweredError(was_sent=False) from error
        except httpx.TransportError as error:
            raise UnansweredError(was_sent=True) from error

    def _prefixed(self, target: bytes) -> bytes:
        # An upstream below a prefix tells session URLs with it or without.
        return target if target.startswith(self._prefix + b"/") else self._prefix + target


async def read_body(response: httpx.Response) -> bytes:
    """Return the body of a response and let its connection go.

    Raises:
        UnansweredError: It broke off.
    """
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    found: list[bytes] = []
    size = 0
    try:
        async for piece in stream:
            found.append(piece)
            size += len(piece)
            if size > _LONGEST_ANSWER:
                break
    except httpx.TransportError as error:
        raise UnansweredError(was_sent=True) from error
    finally:
        await stream.aclose()
    return b"".join(found)


async def _pieces(body: bytes | memoryview) -> AsyncIterator[bytes]:
    # A view serves as bytes all the way down to the socket, without a copy.
    view = memoryview(body)
    for start in range(0, len(body), PIECE):
        yield cast("bytes", view[start : start + PIECE])
