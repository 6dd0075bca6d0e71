"""Keeping what uploads bring: each granule before it goes to Google, beside the one before it.

So whatever Google has is kept too, however a writer ends. A store that fails costs an upload
its second life, never the upload.
"""

import asyncio
from dataclasses import dataclass

from services.files import metrics
from services.files.keeping.keeper import Keeper
from services.files.keeping.manifest import Manifest
from services.files.keeping.object_store import ObjectStoreError
from services.files.store import UploadStore
from services.files.uploads import Upload, UploadOrder
from services.kit.background import end_tasks
from services.kit.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Safekeeping:
    """What keeping takes.

    Attributes:
        keeper: Where bytes are kept; None for nowhere.
        store: Where uploads are kept.
    """

    keeper: Keeper | None
    store: UploadStore

    def begin(self, order: UploadOrder, granule: int) -> Manifest | None:
        """Return under what the bytes of a new session will be kept; only files are."""
        return self.keeper.begin(granule) if self.keeper and order.is_file else None


class Putting:
    """The keeping of one writer. Close it."""

    def __init__(self, parts: Safekeeping) -> None:
        """Keep nothing yet."""
        self._parts = parts
        self._ahead: dict[int, asyncio.Task[None]] = {}

    def ahead(self, kept: Manifest | None, start: int, piece: memoryview) -> None:
        """Begin to keep a granule that will be sent when the one before has arrived."""
        keeper = self._parts.keeper
        if keeper and kept and kept.begins_at(start) and start not in self._ahead:
            self._ahead[start] = asyncio.create_task(_put(keeper, kept, start, piece))

    async def keep(self, upload: Upload, start: int, piece: memoryview) -> Manifest | None:
        """Keep what is about to be sent; return how the upload is kept from now on.

        Raises:
            ServiceError: The writer must not go on, see `UploadStore`.
        """
        kept = upload.kept
        if kept is None or not len(piece):
            return kept
        try:
            if self._parts.keeper is None:
                raise ObjectStoreError("FILES_STORE_URL is not set here")
            begun = self._ahead.pop(start, None)
            if begun is None:
                await _put(self._parts.keeper, kept, start, piece)
            else:
                await begun
            if not kept.begins_at(start):
                # The part comes first: what is known of another writer's file must be there.
                kept = kept.shifted(start)
                await self._parts.store.keep(upload, kept)
        except ObjectStoreError as error:
            await self._give_up(upload, error)
            return None
        return kept

    async def close(self) -> None:
        """Let go of what has not been asked for."""
        tasks = [*self._ahead.values()]
        self._ahead.clear()
        await end_tasks(tasks)
        for task in tasks:
            if not task.cancelled():
                # Read, so that nobody is told of a failure that does not matter any more.
                task.exception()

    async def _give_up(self, upload: Upload, error: ObjectStoreError) -> None:
        metrics.NOT_KEPT.inc()
        log.warning("an upload goes on without being kept", error=str(error))
        await self._parts.store.keep(upload, None)
        await self.close()


async def _put(keeper: Keeper, kept: Manifest, start: int, piece: memoryview) -> None:
    await keeper.put(kept, start, piece)
    metrics.KEPT.inc(len(piece))
