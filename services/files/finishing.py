"""What follows when Google ends an upload: the result is bound, recorded, and answered."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from services.files import metrics
from services.files.leases import KeyPool
from services.files.records import FileRecord, read_description, record_of, size_of
from services.files.store import UploadStore
from services.files.uploads import Answer, Upload, UploadState


@dataclass(frozen=True, slots=True)
class Finisher:
    """What ending an upload takes."""

    store: UploadStore
    pool: KeyPool

    async def finalize(self, upload: Upload, answer: Answer, size: int) -> Upload:
        """Bind and record what Google made; the upload is finalized.

        The binding comes first: a file that is recorded can be used.
        """
        described = read_description(answer.body) or {}
        record = self._record(upload, described, size)
        order = upload.order
        name = record.name if record else _operation(described)
        if name:
            await self.pool.bind(
                order.pool,
                name,
                project_id=upload.project_id,
                client_id=order.client_id,
                expire_time=record.expire_time if record else None,
            )
        await self.store.finish(
            upload,
            UploadState.FINALIZED,
            answer,
            size=size,
            file=record.name if record else "",
            record=record,
        )
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

    def _record(self, upload: Upload, described: dict[str, Any], size: int) -> FileRecord | None:
        file = described.get("file")
        if not isinstance(file, dict):
            return None
        record = record_of(
            file,
            client_id=upload.order.client_id,
            pool=upload.order.pool,
            project_id=upload.project_id,
            now=datetime.now(UTC),
        )
        if record is None or upload.kept is None:
            return record
        # Google knows the size even when this writer found the file already made.
        told = size_of(file)
        return replace(record, kept=replace(upload.kept, size=size if told is None else told))


def _operation(described: dict[str, Any]) -> str:
    name = described.get("name")
    is_name = isinstance(name, str) and 0 < len(name) <= 512 and name.isascii()
    return name if is_name and isinstance(name, str) and name.isprintable() else ""
