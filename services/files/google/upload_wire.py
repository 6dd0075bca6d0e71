"""The resumable upload protocol over HTTP."""

from urllib.parse import urlsplit

import httpx

from services.files.google.client import GoogleClient, read_body
from services.files.leases import Lease
from services.files.sessions import Reply, Start, UnansweredError
from services.files.uploads import GRANULE, Session
from services.kit.scrub import scrub_bytes

_LARGEST_GRANULE = 64 * 1024 * 1024


class UploadWire:
    """See `SessionWire`. Only the start carries a key, and never in a URL."""

    def __init__(self, client: GoogleClient) -> None:
        """Send through a client."""
        self._client = client

    async def start(self, lease: Lease, start: Start) -> Session | Reply:
        """See `SessionWire.start`."""
        headers = {
            "content-type": "application/json",
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
        }
        if start.mime_type:
            headers["x-goog-upload-header-content-type"] = start.mime_type
        if start.size is not None:
            headers["x-goog-upload-header-content-length"] = str(start.size)
        response = await self._client.send(
            "POST",
            f"/{start.path}",
            headers=headers,
            body=start.body,
            secret=lease.secret,
            proxy_url=lease.proxy_url,
        )
        reply = await _reply(response, lease.secret)
        url = response.headers.get("x-goog-upload-url", "")
        if not reply.is_ok:
            return reply
        if not url:
            # A success that cannot be used is the upstream's fault.
            raise UnansweredError(was_sent=True)
        parts = urlsplit(url)
        return Session(
            # The host is ours to choose, as SDKs do: the upstream may stand behind another.
            target=f"{parts.path}?{parts.query}",
            proxy_url=lease.proxy_url,
            granule=_granule(response),
        )

    async def send(self, session: Session, at: int, piece: memoryview, *, finalize: bool) -> Reply:
        """See `SessionWire.send`."""
        headers = {
            "x-goog-upload-command": "upload, finalize" if finalize else "upload",
            "x-goog-upload-offset": str(at),
        }
        return await self._command(session, headers, piece)

    async def query(self, session: Session) -> Reply:
        """See `SessionWire.query`."""
        return await self._command(session, {"x-goog-upload-command": "query"})

    async def cancel(self, session: Session) -> Reply:
        """See `SessionWire.cancel`."""
        return await self._command(session, {"x-goog-upload-command": "cancel"})

    async def _command(
        self, session: Session, headers: dict[str, str], body: bytes | memoryview = b""
    ) -> Reply:
        response = await self._client.send(
            "POST",
            session.target,
            headers={"x-goog-upload-protocol": "resumable", **headers},
            body=body,
            proxy_url=session.proxy_url,
        )
        return await _reply(response)


async def _reply(response: httpx.Response, secret: str = "") -> Reply:
    body = await read_body(response)
    if response.status_code >= 400:
        body = scrub_bytes(body, secret)
    received = response.headers.get("x-goog-upload-size-received", "")
    return Reply(
        status=response.status_code,
        upload_status=response.headers.get("x-goog-upload-status", "").lower(),
        received=int(received) if received.isdigit() else None,
        content_type=response.headers.get("content-type", ""),
        body=body,
    )


def _granule(response: httpx.Response) -> int:
    """Return the unit of requests: ours where Google's divides it, else Google's."""
    told = response.headers.get("x-goog-upload-chunk-granularity", "")
    granule = int(told) if told.isdigit() and len(told) < 12 else 0
    if granule == 0 or GRANULE % granule == 0:
        return GRANULE
    if granule > _LARGEST_GRANULE:
        raise UnansweredError(was_sent=True)
    return granule
