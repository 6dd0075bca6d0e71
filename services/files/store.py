"""What the domain needs of a store. Every method raises `StoreUnavailableError` when it is away."""

from typing import Protocol

from services.files.records import FileRecord
from services.files.uploads import Answer, Session, Upload, UploadOrder, UploadState


class UploadStore(Protocol):
    """Keeps uploads. What takes a fence is refused unless it is the newest writer's.

    Such methods raise `UploadPreemptedError`, `UploadCancelledError`,
    `UploadFinalizedError` or `UploadUnknownError`.
    """

    async def create(self, upload_id: str, order: UploadOrder, request_id: str) -> tuple[str, bool]:
        """Make an upload; return its id, and whether the same request made it before."""

    async def read(self, upload_id: str) -> Upload | None:
        """Return an upload."""

    async def begin(self, upload_id: str, hint: str) -> Upload | None:
        """Take the next fence if the upload is active; the result says how it stood before."""

    async def end(self, upload: Upload) -> None:
        """Say that this writer has left nothing at Google that is not committed."""

    async def choose(self, upload: Upload, project_id: str) -> None:
        """Remember the project in which the session is to be opened."""

    async def open(self, upload: Upload, project_id: str, session: Session) -> None:
        """Remember the session at Google."""

    async def commit(self, upload: Upload, offset: int) -> None:
        """Note that so many bytes lie at Google; a tail is shortened by what went there."""

    async def append_tail(self, upload: Upload, at: int, piece: memoryview) -> None:
        """Keep bytes that do not fill a granule.

        Raises:
            BuffersFullError: All tails together would exceed their bound.
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
    """Keeps the records of files until Google drops them."""

    async def read(self, pool: str, name: str) -> FileRecord | None:
        """Return a file."""

    async def change(self, record: FileRecord) -> bool:
        """Replace what is recorded; False when there is no such file any more."""

    async def drop(self, record: FileRecord) -> None:
        """Forget a file."""

    async def list_of(
        self, pool: str, client_id: str | None, limit: int, after: tuple[str, str] | None
    ) -> tuple[list[FileRecord], tuple[str, str] | None]:
        """Return files of a client, or of a whole pool, newest first, and where to go on."""
