"""Calls about files: read, delete, download."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from services.files.google.client import GoogleClient, read_body
from services.files.leases import Lease
from services.files.sessions import Reply, UnansweredError
from services.kit.scrub import scrub_bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file's bytes as they arrive.

    Attributes:
        mime_type: The media type.
        size: Bytes, when told.
    """

    mime_type: str
    size: int | None
    _response: httpx.Response

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the bytes as they arrive.

        Raises:
            UnansweredError: They broke off.
        """
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        try:
            async for piece in stream:
                yield piece
        except httpx.TransportError as error:
            raise UnansweredError(was_sent=True) from error

    async def close(self) -> None:
        """Let the connection go; a download that is not at its end is cancelled."""
        assert isinstance(self._response.stream, httpx.AsyncByteStream)
        await self._response.stream.aclose()


class FileCalls:
    """See `FileWire`."""

    def __init__(self, client: GoogleClient) -> None:
        """Send through a client."""
        self._client = client

    async def get(self, lease: Lease, name: str) -> Reply:
        """See `FileWire.get`."""
        return await self._plain("GET", lease, name)

    async def delete(self, lease: Lease, name: str) -> Reply:
        """See `FileWire.delete`."""
        return await self._plain("DELETE", lease, name)

    async def download(self, lease: Lease, name: str) -> Download | Reply:
        """See `FileWire.download`."""
        response = await self._send("GET", lease, f"/v1beta/{name}:download?alt=media")
        if response.status_code != 200:
            return await _reply(response, lease)
        length = response.headers.get("content-length", "")
        return Download(
            mime_type=response.headers.get("content-type", ""),
            size=int(length) if length.isdigit() else None,
            _response=response,
        )

    async def _plain(self, method: str, lease: Lease, name: str) -> Reply:
        return await _reply(await self._send(method, lease, f"/v1beta/{name}"), lease)

    async def _send(self, method: str, lease: Lease, target: str) -> httpx.Response:
        return await self._client.send(
            method, target, headers={}, secret=lease.secret, proxy_url=lease.proxy_url
        )


async def _reply(response: httpx.Response, lease: Lease) -> Reply:
    body = await read_body(response)
    if response.status_code >= 400:
        body = scrub_bytes(body, lease.secret)
    return Reply(
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        body=body,
    )
