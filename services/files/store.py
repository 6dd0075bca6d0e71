"""What the domain needs of a store. Every method raises `StoreUnavailableError` when it is away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Protocol

from services.files.keeping.manifest import Manifest
from services.files.records import FileCopy, FileRecord
from services.files.uploads import Answer, Session, Upload, UploadOrder, UploadState


class UploadStore(Protocol):
    """Keeps uploads. What takes a fence is refused unless it is the newest writer's.

    Such methods raise `UploadPreemptedError`, `UploadCancelledError`,
    `UploadFinalizedError` or `UploadUnknownError`.
    """

    async def create(self, upload_id: str, order: UploadOrder, request_id: str) -> tuple[str, bool]:
        """Make an upload; return its id, and whether the same request made it before.

        Raises:
            TooManyUploadsError: Its client has as many open as it may.
        """

    async def read(self, upload_id: str) -> Upload | None:
        """Return an upload."""

    async def begin(self, upload_id: str, hint: str) -> Upload | None:
        """Take the next fence if the upload is active; the result says how it stood before."""

    async def end(self, upload: Upload) -> None:
        """Say that this writer has left nothing at Google that is not committed."""

    async def choose(self, upload: Upload, project_id: str) -> None:
        """Remember the project in which the session is to be opened."""

    async def open(
        self, upload: Upload, project_id: str, session: Session, kept: Manifest | None
    ) -> None:
        """Remember the session at Google, and under what its bytes will be kept."""

    async def keep(self, upload: Upload, kept: Manifest | None) -> None:
        """Remember how its bytes are kept; with None what was kept is dropped."""

    async def commit(self, upload: Upload, offset: int) -> None:
        """Note that so many bytes lie at Google; a tail is shortened by what went there."""

    async def append_tail(self, upload: Upload, at: int, piece: memoryview) -> None:
        """Keep bytes that do not fill a granule.

        Raises:
            BuffersFullError: All tails together would exceed their bound.
            ClientBuffersFullError: Those of its client would.
        """

    async def read_tail(self, upload: Upload, into: memoryview) -> None:
        """Fill `into` with the first bytes of the tail."""

    async def finish(
        self,
        upload: Upload,
        state: UploadState,
        answer: Answer,
        *,
        size: int,
        file: str,
        record: FileRecord | None,
    ) -> None:
        """End an upload with Google's answer and record its file, in one step."""

    async def cancel(self, upload_id: str) -> tuple[Upload, bool] | None:
        """Give an upload up; return how it was before, and whether that changed anything."""

    async def drop(self, upload: Upload, request_id: str) -> None:
        """Forget an upload as if it had never been made."""

    async def sweep(self, limit: int) -> list[Upload]:
        """Drop uploads whose time is over and return them."""


class FileStore(Protocol):
    """Keeps the records of files until Google drops them.

    What is decided of a record concerns its generation alone: another file that has taken its
    name since counts as none.
    """

    async def read(self, pool: str, name: str) -> FileRecord | None:
        """Return a file."""

    async def change(self, record: FileRecord) -> bool:
        """Replace what is recorded, but for its copies; False when there is no such file."""

    async def drop(self, record: FileRecord) -> bool:
        """Forget a file; False when it had gone before."""

    async def list_of(
        self, pool: str, client_id: str | None, limit: int, after: tuple[str, str] | None
    ) -> tuple[list[FileRecord], tuple[str, str] | None]:
        """Return files of a client, or of a whole pool, newest first, and where to go on."""


class ClaimState(Enum):
    """What became of a claim."""

    READY = "ready"
    TAKEN = "taken"
    HELD = "held"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Claim:
    """A try at the right to bring a file into a project.

    Attributes:
        state: READY when it is there, TAKEN when the right is the claimer's, HELD when it is
            another's, GONE when there is no such file.
        copy: What is there, or what was begun.
    """

    state: ClaimState
    copy: FileCopy | None = None


class CopyStore(Protocol):
    """Keeps the copies of files, and the right to make each: one holder at a time."""

    async def claim(
        self, record: FileRecord, project_id: str, holder: str, lasts: timedelta
    ) -> Claim:
        """Take or extend the right; it lapses after `lasts`."""

    async def put(
        self, record: FileRecord, project_id: str, holder: str, copy: FileCopy | None
    ) -> ClaimState:
        """Record a copy, or with None that there is none; nothing changes unless it is TAKEN."""

    async def release(self, record: FileRecord, project_id: str, holder: str) -> None:
        """Give the right back if it is still held."""


class KeptStore(Protocol):
    """Knows what is to be dropped of all that is kept; nothing is forgotten before it is gone."""

    async def due(self, limit: int) -> Sequence[tuple[str, bool]]:
        """Return ids of what is to be dropped now, and whether it is for the last time.

        Each comes twice: a part may arrive while its file is dropped.
        """

    async def forget(self, kept_id: str) -> None:
        """Forget what was dropped for the last time."""
