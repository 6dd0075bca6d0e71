"""What follows when Google ends an upload: the result is bound, recorded, and answered."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from services.files import metrics
from services.files.discarding import Discard
from services.files.errors import UploadCancelledError
from services.files.leases import KeyPool
from services.files.records import FileRecord, new_generation, read_description, record_of, size_of
from services.files.store import UploadStore
from services.files.uploads import Answer, Upload, UploadState
from services.kit.logs import get_logger

log = get_logger(__name__)

_TAKEN = Answer(
    409,
    "application/json",
    b'{"error":{"code":409,"message":"The upstream gave this upload a name that is taken.",'
    b'"status":"ALREADY_EXISTS"}}',
)


@dataclass(frozen=True, slots=True)
class Finisher:
    """What ending an upload takes."""

    store: UploadStore
    pool: KeyPool
    discard: Discard

    async def finalize(self, upload: Upload, answer: Answer, size: int) -> Upload:
        """Bind and record what Google made; the upload is finalized, or has failed.

        The binding comes first: a file that is recorded can be used. The size is what the
        writer knows; Google's counts more, for the writer may have found the file made.

        Raises:
            UploadCancelledError: It was given up meanwhile; what Google made is deleted.
        """
        try:
            # A name that was given back with its upload may be another's by now.
            await self.store.commit(upload, upload.offset)
            return await self._finalize(upload, answer, size)
        except UploadCancelledError:
            await self.discard(upload, answer)
            raise

    async def _finalize(self, upload: Upload, answer: Answer, size: int) -> Upload:
        described = read_description(answer.body) or {}
        record = self._record(upload, described)
        if record is not None:
            told = size_of(record.description)
            size = size if told is None else told
            record = replace(record, generation=new_generation())
            if upload.kept is not None:
                record = replace(record, kept=replace(upload.kept, size=size))
        name = record.name if record else _operation(described)
        if name and not await self._bind(upload, name, record):
            log.warning("an upload became a resource that is another's", name=name)
            return await self.fail(upload, _TAKEN)
        try:
            await self.store.finish(
                upload,
                UploadState.FINALIZED,
                answer,
                size=size,
                file=record.name if record else "",
                record=record,
            )
        except UploadCancelledError:
            if name:
                await self.pool.unbind(upload.order.pool, name)
            raise
        metrics.ENDED.labels("finalized").inc()
        return replace(
            upload,
            state=UploadState.FINALIZED,
            offset=size,
            tail=0,
            answer=answer,
            file=record.name if record else "",
        )

    async def fail(self, upload: Upload, answer: Answer) -> Upload:
        """Keep Google's refusal; the upload has failed, and the name reserved for it is free."""
        await self.store.finish(
            upload, UploadState.FAILED, answer, size=upload.offset, file="", record=None
        )
        if upload.order.name:
            await self.pool.unbind(upload.order.pool, upload.order.name)
        metrics.ENDED.labels("failed").inc()
        return replace(upload, state=UploadState.FAILED, answer=answer)

    async def _bind(self, upload: Upload, name: str, record: FileRecord | None) -> bool:
        """Bind what was made; False when its name is another's, so that nobody loses theirs."""
        order = upload.order
        is_bound = await self.pool.bind(
            order.pool,
            name,
            project_id=upload.project_id,
            client_id=order.client_id,
            expire_time=record.expire_time if record else None,
            must_be_new=name != order.name,
        )
        if is_bound:
            return True
        # An upload that is finalized once more finds its own.
        owner = await self.pool.owner_of(order.pool, name)
        return owner is not None and (owner.client_id, owner.project_id) == (
            order.client_id,
            upload.project_id,
        )

    def _record(self, upload: Upload, described: dict[str, Any]) -> FileRecord | None:
        file = described.get("file")
        if not isinstance(file, dict):
            return None
        return record_of(
            file,
            client_id=upload.order.client_id,
            pool=upload.order.pool,
            project_id=upload.project_id,
            now=datetime.now(UTC),
        )


def _operation(described: dict[str, Any]) -> str:
    name = described.get("name")
    is_name = isinstance(name, str) and 0 < len(name) <= 512 and name.isascii()
    return name if is_name and isinstance(name, str) and name.isprintable() else ""
