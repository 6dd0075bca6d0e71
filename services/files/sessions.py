"""The upload protocol as Google speaks it, without the wire: one request, one reply."""

from dataclasses import dataclass
from typing import Protocol

from services.files.leases import Lease
from services.files.uploads import Session


@dataclass(frozen=True, slots=True)
class Reply:
    """What Google answered.

    Attributes:
        status: The HTTP status.
        upload_status: `active`, `final`, `cancelled`, or empty when it was not told.
        received: How many bytes it has, when it told.
        content_type: Of the body.
        body: At most 1 MiB.
    """

    status: int
    upload_status: str = ""
    received: int | None = None
    content_type: str = ""
    body: bytes = b""

    @property
    def is_ok(self) -> bool:
        """Whether it was no error."""
        return 200 <= self.status < 300

    @property
    def is_transient(self) -> bool:
        """Whether the same request may well go through later."""
        return self.upload_status not in {"final", "cancelled"} and (
            self.status in {408, 429} or self.status >= 500
        )


class UnansweredError(Exception):
    """No answer came.

    Attributes:
        was_sent: Whether the request may have arrived.
    """

    def __init__(self, *, was_sent: bool) -> None:
        """Say how far the request came."""
        super().__init__("no answer from the upstream")
        self.was_sent = was_sent


@dataclass(frozen=True, slots=True)
class Start:
    """A start request.

    Attributes:
        path: Such as `upload/v1beta/files`.
        body: Its JSON.
        mime_type: Of the file, empty when nobody knows.
        size: Of the file, in bytes, when known.
    """

    path: str
    body: bytes
    mime_type: str
    size: int | None


class SessionWire(Protocol):
    """Sends requests of the upload protocol. All raise `UnansweredError`."""

    async def start(self, lease: Lease, start: Start) -> Session | Reply:
        """Open a session; a reply when it was refused."""

    async def send(self, session: Session, at: int, piece: memoryview, *, finalize: bool) -> Reply:
        """Send bytes."""

    async def query(self, session: Session) -> Reply:
        """Ask how far the session is."""

    async def cancel(self, session: Session) -> Reply:
        """Give the session up."""
