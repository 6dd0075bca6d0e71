"""Uploads kept in memory, by the contract of the store: a fake that the contract suite checks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from services.files.errors import (
    BuffersFullError,
    ClientBuffersFullError,
    TooManyUploadsError,
    UploadCancelledError,
    UploadFinalizedError,
    UploadPreemptedError,
    UploadUnknownError,
)
from services.files.keeping.manifest import Manifest
from services.files.records import FileRecord
from services.files.uploads import Answer, Session, Upload, UploadOrder, UploadState

Step = Callable[[str], Awaitable[None]]
"""Called before and after each method does its work, with its name; may raise."""


async def smooth(_: str) -> None:
    """Let everything go well."""


@dataclass
class _Row:
    upload: Upload
    tail: bytearray = field(default_factory=bytearray)
    busy: int | None = None


class MemoryUploads:
    """See `UploadStore`."""

    def __init__(
        self,
        *,
        lives: timedelta = timedelta(hours=1),
        tail_bytes: int = 2**40,
        client_tail_bytes: int = 2**40,
        client_uploads: int = 2**31,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        step: Step = smooth,
    ) -> None:
        self.files: dict[str, FileRecord] = {}
        self._rows: dict[str, _Row] = {}
        self._requests: dict[tuple[str, str, str], str] = {}
        self._lives = lives
        self._tail_bytes = tail_bytes
        self._client_tail_bytes = client_tail_bytes
        self._client_uploads = client_uploads
        self._now = now
        self._step = step

    async def create(self, upload_id: str, order: UploadOrder, request_id: str) -> tuple[str, bool]:
        await self._step("create")
        request = (order.pool, order.client_id, request_id)
        if request_id and request in self._requests:
            return self._requests[request], True
        if (
            sum(self._is_open_for(order, row) for row in self._rows.values())
            >= self._client_uploads
        ):
            raise TooManyUploadsError(self._client_uploads)
        now = self._now()
        upload = Upload(upload_id, order, UploadState.ACTIVE, 0, 0, now + self._lives, now)
        self._rows[upload_id] = _Row(upload)
        if request_id:
            self._requests[request] = upload_id
        await self._step("create")
        return upload_id, False

    async def read(self, upload_id: str) -> Upload | None:
        await self._step("read")
        row = self._living(upload_id)
        return row.upload if row else None

    async def begin(self, upload_id: str, hint: str) -> Upload | None:
        await self._step("begin")
        row = self._living(upload_id)
        if row is None:
            return None
        is_dirty = row.busy is not None
        if row.upload.state is UploadState.ACTIVE:
            fence = row.busy = row.upload.fence + 1
            row.upload = replace(row.upload, fence=fence, hint=row.upload.hint or hint)
        found = replace(row.upload, is_dirty=is_dirty)
        await self._step("begin")
        return found

    async def end(self, upload: Upload) -> None:
        await self._step("end")
        row = self._rows.get(upload.key)
        if row is not None and row.busy == upload.fence:
            row.busy = None

    async def choose(self, upload: Upload, project_id: str) -> None:
        await self._step("choose")
        row = self._fenced(upload)
        row.upload = replace(row.upload, project_id=project_id)

    async def open(
        self, upload: Upload, project_id: str, session: Session, kept: Manifest | None
    ) -> None:
        await self._step("open")
        row = self._fenced(upload)
        row.upload = replace(row.upload, project_id=project_id, session=session, kept=kept)
        await self._step("open")

    async def keep(self, upload: Upload, kept: Manifest | None) -> None:
        await self._step("keep")
        row = self._fenced(upload)
        row.upload = replace(row.upload, kept=kept)
        await self._step("keep")

    async def commit(self, upload: Upload, offset: int) -> None:
        await self._step("commit")
        row = self._fenced(upload)
        if offset > row.upload.offset:
            del row.tail[: offset - row.upload.offset]
            row.upload = replace(row.upload, offset=offset, tail=len(row.tail))
        await self._step("commit")

    async def append_tail(self, upload: Upload, at: int, piece: memoryview) -> None:
        await self._step("append_tail")
        row = self._fenced(upload)
        stored = row.upload.committed_size
        if at + len(piece) == stored:
            return
        assert at == stored, "only the next byte can be appended"
        if self._tails() + len(piece) > self._tail_bytes:
            for other in self._rows.values():
                if not self._is_living(other):
                    other.tail.clear()
        if self._tails() + len(piece) > self._tail_bytes:
            raise BuffersFullError
        own = sum(
            len(other.tail)
            for other in self._rows.values()
            if _owner(other.upload.order) == _owner(upload.order)
        )
        if own + len(piece) > self._client_tail_bytes:
            raise ClientBuffersFullError
        row.tail += piece
        row.upload = replace(row.upload, tail=len(row.tail))
        await self._step("append_tail")

    async def read_tail(self, upload: Upload, into: memoryview) -> None:
        await self._step("read_tail")
        row = self._rows.get(upload.key)
        if row is None or len(row.tail) < len(into):
            raise UploadPreemptedError("a newer writer has moved the bytes")
        into[:] = row.tail[: len(into)]

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
        await self._step("finish")
        row = self._rows.get(upload.key)
        if row and row.upload.state is state and row.upload.fence == upload.fence:
            return
        row = self._fenced(upload)
        row.upload = replace(
            row.upload, state=state, answer=answer, file=file if record else "", session=None
        )
        if state is UploadState.FINALIZED:
            row.upload = replace(row.upload, offset=size, tail=0)
        self._close(row)
        if record is not None:
            self.files[record.name] = record
        await self._step("finish")

    async def cancel(self, upload_id: str) -> tuple[Upload, bool] | None:
        await self._step("cancel")
        row = self._living(upload_id)
        if row is None:
            return None
        before = row.upload
        if before.state is not UploadState.ACTIVE:
            return before, False
        row.upload = replace(before, state=UploadState.CANCELLED, session=None)
        self._close(row)
        return before, True

    async def drop(self, upload: Upload, request_id: str) -> None:
        await self._step("drop")
        self._rows.pop(upload.key, None)
        self._requests.pop((upload.order.pool, upload.order.client_id, request_id), None)

    async def sweep(self, limit: int) -> list[Upload]:
        await self._step("sweep")
        over = [
            key
            for key, row in self._rows.items()
            if row.upload.state is UploadState.ACTIVE and not self._is_living(row)
        ][:limit]
        return [self._rows.pop(key).upload for key in over]

    def peek(self, upload_id: str) -> Upload:
        """Return an upload without a step."""
        return self._rows[upload_id].upload

    def tail_of(self, upload_id: str) -> bytes:
        """Return the bytes of an upload that lie here."""
        return bytes(self._rows[upload_id].tail)

    def _tails(self) -> int:
        return sum(len(row.tail) for row in self._rows.values())

    def _is_open_for(self, order: UploadOrder, row: _Row) -> bool:
        is_open = row.upload.state is UploadState.ACTIVE and self._is_living(row)
        return is_open and _owner(row.upload.order) == _owner(order)

    def _close(self, row: _Row) -> None:
        row.busy = None
        row.tail.clear()

    def _is_living(self, row: _Row) -> bool:
        return row.upload.expire_time > self._now()

    def _living(self, upload_id: str) -> _Row | None:
        row = self._rows.get(upload_id)
        return row if row and self._is_living(row) else None

    def _fenced(self, upload: Upload) -> _Row:
        row = self._rows.get(upload.key)
        if row is None:
            raise UploadUnknownError("no such upload")
        match row.upload.state:
            case UploadState.CANCELLED:
                raise UploadCancelledError("the upload was cancelled")
            case UploadState.FINALIZED | UploadState.FAILED:
                raise UploadFinalizedError("the upload has ended")
        if row.upload.fence != upload.fence:
            raise UploadPreemptedError("a newer writer has begun")
        return row


def _owner(order: UploadOrder) -> tuple[str, str]:
    return order.pool, order.client_id
