"""Uploads in Redis. Ids stand there as digests."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

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
from services.files.redis_file_rows import write_record
from services.files.redis_keys import file_id, key, owner_id
from services.files.redis_scripts import load_script, run_of
from services.files.redis_upload_rows import UploadRows, write_kept
from services.files.uploads import Answer, Session, Upload, UploadOrder, UploadState
from services.kit.errors import ServiceError
from services.kit.logs import get_logger
from services.kit.redis_scripts import RedisPort, Script, to_ms
from services.kit.vault import UnreadableError, Vault

log = get_logger(__name__)

_CREATE = load_script("create_upload")
_READ = load_script("read_upload")
_BEGIN = load_script("begin_write")
_END = load_script("end_write")
_OPEN = load_script("open_session")
_COMMIT = load_script("commit")
_KEEP = load_script("keep_parts")
_APPEND = load_script("append_tail")
_FINISH = load_script("put_file", "finish_upload")
_CANCEL = load_script("cancel_upload")
_DROP = load_script("drop_upload")
_SWEEP = load_script("sweep_uploads")

_REQUEST_MS = 3_600_000
_PIECE = 1024 * 1024


class RedisUploadStore:
    """See `UploadStore`."""

    def __init__(
        self,
        port: RedisPort,
        vault: Vault,
        *,
        lives: timedelta,
        tail_bytes: int,
        client_tail_bytes: int,
        client_uploads: int,
    ) -> None:
        """Work over a port.

        Args:
            port: The way to Redis.
            vault: Seals what would open an upload.
            lives: How long an upload lives.
            tail_bytes: What all tails may have together.
            client_tail_bytes: What the tails of one client may have together.
            client_uploads: How many open uploads a client may have.
        """
        self._port = port
        self._vault = vault
        self._rows = UploadRows(vault)
        self._lives = lives
        self._tail_bytes = tail_bytes
        self._client_tail_bytes = client_tail_bytes
        self._client_uploads = client_uploads

    async def create(self, upload_id: str, order: UploadOrder, request_id: str) -> tuple[str, bool]:
        """See `UploadStore.create`."""
        upload, request = digest(upload_id), _request(order, request_id)
        fields = self._rows.write_order(upload, order)
        [earlier] = await self._port.run(
            run_of(
                _CREATE,
                upload,
                request,
                self._vault.seal(upload_id, f"upload-id:{request}"),
                to_ms(self._lives),
                _REQUEST_MS,
                owner_id(order.pool, order.client_id),
                self._client_uploads,
                *(part for pair in fields.items() for part in pair),
            )
        )
        if not earlier:
            return upload_id, False
        if len(earlier) > 1:
            raise TooManyUploadsError(self._client_uploads)
        try:
            return self._vault.unseal(earlier[0], f"upload-id:{request}"), True
        except UnreadableError:
            raise _unreadable() from None

    async def read(self, upload_id: str) -> Upload | None:
        """See `UploadStore.read`."""
        upload = digest(upload_id)
        [row] = await self._port.run(run_of(_READ, upload))
        return self._opened(upload, row) if row else None

    async def begin(self, upload_id: str, hint: str) -> Upload | None:
        """See `UploadStore.begin`."""
        upload = digest(upload_id)
        [reply] = await self._port.run(run_of(_BEGIN, upload, hint))
        return self._opened(upload, reply[1], is_dirty=reply[0] == 1) if reply else None

    async def end(self, upload: Upload) -> None:
        """See `UploadStore.end`."""
        await self._port.run(run_of(_END, upload.key, upload.fence))

    async def choose(self, upload: Upload, project_id: str) -> None:
        """See `UploadStore.choose`."""
        await self._fenced(_OPEN, upload, project_id, b"", 0)

    async def open(
        self, upload: Upload, project_id: str, session: Session, kept: Manifest | None
    ) -> None:
        """See `UploadStore.open`."""
        sealed = self._rows.write_session(upload.key, session)
        what = (kept.kept_id, write_kept(kept)) if kept else ("", "")
        await self._fenced(_OPEN, upload, project_id, sealed, session.granule, *what)

    async def keep(self, upload: Upload, kept: Manifest | None) -> None:
        """See `UploadStore.keep`."""
        await self._fenced(_KEEP, upload, write_kept(kept) if kept else "")

    async def commit(self, upload: Upload, offset: int) -> None:
        """See `UploadStore.commit`."""
        await self._fenced(_COMMIT, upload, offset)

    async def append_tail(self, upload: Upload, at: int, piece: memoryview) -> None:
        """See `UploadStore.append_tail`."""
        bounds = (self._tail_bytes, self._client_tail_bytes)
        for start in range(0, len(piece), _PIECE):
            part = bytes(piece[start : start + _PIECE])
            await self._fenced(_APPEND, upload, at + start, *bounds, part)

    async def read_tail(self, upload: Upload, into: memoryview) -> None:
        """See `UploadStore.read_tail`."""
        name = key("tail", upload.key)
        for start in range(0, len(into), _PIECE):
            end = min(start + _PIECE, len(into))
            piece = await self._port.do(_getrange(name, start, end - 1))
            if len(piece) != end - start:
                raise UploadPreemptedError("a newer writer has moved the bytes")
            into[start:end] = piece

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
        """See `UploadStore.finish`."""
        what: Sequence[str | bytes | int] = ()
        if record is not None:
            what = (
                file_id(record.pool, record.name),
                owner_id(record.pool, record.client_id),
                record.pool,
                write_record(record),
                int(record.create_time.timestamp() * 1000),
                int(record.expire_time.timestamp() * 1000),
                1 if record.kept else 0,
            )
        await self._fenced(
            _FINISH,
            upload,
            state.value,
            size,
            answer.status,
            answer.content_type,
            answer.body,
            file if record is not None else "",
            *what,
        )

    async def cancel(self, upload_id: str) -> tuple[Upload, bool] | None:
        """See `UploadStore.cancel`."""
        upload = digest(upload_id)
        [reply] = await self._port.run(run_of(_CANCEL, upload))
        return (self._opened(upload, reply[1]), reply[0] == 1) if reply else None

    async def drop(self, upload: Upload, request_id: str) -> None:
        """See `UploadStore.drop`."""
        await self._port.run(run_of(_DROP, upload.key, _request(upload.order, request_id)))

    async def sweep(self, limit: int) -> list[Upload]:
        """See `UploadStore.sweep`."""
        [rows] = await self._port.run(run_of(_SWEEP, limit))
        found: list[Upload] = []
        for upload, row in rows:
            try:
                found.append(self._rows.read(upload.decode(), row))
            except UnreadableError as error:
                # What it left at Google ends by itself.
                log.warning("an upload that was left cannot be read", error=str(error))
        return found

    def _opened(self, upload: str, row: Sequence[bytes], *, is_dirty: bool = False) -> Upload:
        try:
            return self._rows.read(upload, row, is_dirty=is_dirty)
        except UnreadableError:
            raise _unreadable() from None

    async def _fenced(self, script: Script, upload: Upload, *arguments: str | bytes | int) -> None:
        [why] = await self._port.run(run_of(script, upload.key, upload.fence, *arguments))
        if why:
            raise _refusal(why.decode())


def digest(upload_id: str) -> str:
    """Return what an upload is stored under."""
    return hashlib.sha256(upload_id.encode("utf-8", "surrogatepass")).hexdigest()


def _request(order: UploadOrder, request_id: str) -> str:
    if not request_id:
        return ""
    return hashlib.sha256(f"{order.pool}/{order.client_id}/{request_id}".encode()).hexdigest()


def _getrange(name: str, start: int, end: int) -> Any:
    def command(redis: Redis) -> Any:
        return redis.getrange(name, start, end)

    return command


def _unreadable() -> ServiceError:
    return UploadUnknownError("the upload was sealed with another ENCRYPTION_KEY")


def _refusal(why: str) -> ServiceError:
    match why:
        case "preempted":
            return UploadPreemptedError("a newer writer has begun")
        case "cancelled":
            return UploadCancelledError("the upload was cancelled")
        case "final" | "failed":
            return UploadFinalizedError("the upload has ended")
        case "full":
            return BuffersFullError()
        case "owner full":
            return ClientBuffersFullError()
        case _:
            return UploadUnknownError("no such upload")
