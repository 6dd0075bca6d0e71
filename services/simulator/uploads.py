"""Resumable upload sessions: how many bytes have arrived, and what becomes of them.

Bytes are hashed and let go, so that an upload of any size takes no memory and no disk; only
small ones are kept, for batches that read them.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

from services.simulator.errors import ApiError, invalid
from services.simulator.files import FileShelf
from services.simulator.owned.stores import StoreDesk

GRANULE = 8 * 1024 * 1024
"""Every chunk but the last is a multiple of this many bytes."""

LARGEST_FILE = 2 * 1024**3
LARGEST_CONTENT = 1024**2
"""So much of a file is kept, to be read as the input of a batch."""

UploadState = Literal["active", "final", "cancelled"]


class PreemptedError(Exception):
    """A newer request writes to the same session."""


@dataclass(frozen=True, slots=True)
class FileOrder:
    """What a client wants to upload."""

    project: str
    key: str
    name: str = ""
    mime_type: str = ""
    display_name: str = ""
    size_bytes: int | None = None
    store: str = ""
    metadata: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class Session:
    """One upload.

    Attributes:
        received: Bytes that are kept whatever happens to the connection.
        content: The bytes themselves, as long as they are few.
        result: What the client is told, once final.
    """

    upload_id: str
    order: FileOrder
    file_id: str
    state: UploadState = "active"
    received: int = 0
    content: bytearray = field(default_factory=bytearray)
    result: dict[str, Any] | None = None
    _arrived: int = 0
    _writer: int = 0
    _hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _kept_hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def begin(self) -> int:
        """Open the session for a request that writes; the one before loses what was not kept."""
        self._arrived = self.received
        del self.content[self.received :]
        self._hash = self._kept_hash.copy()
        self._writer += 1
        return self._writer

    def take(self, writer: int, piece: bytes) -> None:
        """Add bytes; each whole granule is kept at once.

        Raises:
            PreemptedError: Another request has begun to write.
            ApiError: The file is larger than Google allows.
        """
        if writer != self._writer:
            raise PreemptedError
        if self._arrived + len(piece) > LARGEST_FILE:
            raise invalid(f"File size exceeds the limit of {LARGEST_FILE} bytes.")
        if self._arrived + len(piece) <= LARGEST_CONTENT:
            self.content += piece
        view = memoryview(piece)
        while room := GRANULE - self._arrived % GRANULE:
            part = view[:room]
            self._hash.update(part)
            self._arrived += len(part)
            view = view[room:]
            if self._arrived % GRANULE == 0 and part:
                self.keep(writer)
            if not view:
                break

    def keep(self, writer: int) -> None:
        """Keep everything that has arrived.

        Raises:
            PreemptedError: Another request has begun to write.
        """
        if writer != self._writer:
            raise PreemptedError
        self.received = self._arrived
        self._kept_hash = self._hash.copy()

    def digest(self) -> bytes:
        """Return the SHA-256 of what is kept."""
        return self._kept_hash.digest()


class UploadDesk:
    """The open and the finished sessions."""

    def __init__(self, files: FileShelf, stores: StoreDesk) -> None:
        """Put finished files on a shelf, or into stores."""
        self._files = files
        self._stores = stores
        self._sessions: dict[str, Session] = {}

    def start(self, order: FileOrder) -> Session:
        """Open a session.

        Raises:
            ApiError: The name is taken, the announced size too large, or the store
                somebody else's.
        """
        if order.size_bytes is not None and order.size_bytes > LARGEST_FILE:
            raise invalid(f"File size exceeds the limit of {LARGEST_FILE} bytes.")
        if order.store:
            self._stores.get(order.store, order.project)
        file_id = "" if order.store else self._files.reserve(order.name)
        session = Session(secrets.token_urlsafe(48), order, file_id)
        self._sessions[session.upload_id] = session
        return session

    def find(self, upload_id: str) -> Session | None:
        """Return a session, or None when there never was one."""
        return self._sessions.get(upload_id)

    def finish(self, session: Session) -> dict[str, Any]:
        """Make a file or a document of what a session keeps, and return what is told of it.

        Raises:
            ApiError: Another size was announced, or the name was taken meanwhile.
        """
        order = session.order
        session.state = "final"
        if order.size_bytes is not None and session.received != order.size_bytes:
            raise invalid(
                f"Upload is finalized with {session.received} bytes; {order.size_bytes} were "
                "announced."
            )
        mime_type = order.mime_type or "application/octet-stream"
        if order.store:
            session.result = self._stores.add(
                order.store,
                order.project,
                display_name=order.display_name,
                mime_type=mime_type,
                size_bytes=session.received,
                metadata=list(order.metadata),
                is_upload=True,
            )
            return session.result
        if self._files.find(session.file_id):
            raise ApiError(409, f"File files/{session.file_id} already exists.")
        file = self._files.put(
            session.file_id,
            project=order.project,
            mime_type=mime_type,
            display_name=order.display_name,
            size_bytes=session.received,
            sha256=session.digest(),
            content=bytes(session.content) if session.received <= LARGEST_CONTENT else b"",
        )
        session.result = {"file": self._files.describe(file)}
        return session.result
