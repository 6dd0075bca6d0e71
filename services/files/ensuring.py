"""Making a file usable in a project: one upload for all who ask, whichever replica they ask."""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.files import metrics
from services.files.copying import BytesDifferError, Copier
from services.files.errors import FileNotStoredError, FileUnknownError
from services.files.file_book import FileBook, Reader
from services.files.records import FileCopy, FileRecord
from services.files.store import Claim, ClaimState, CopyStore
from services.kit.background import end_tasks
from services.kit.errors import ServiceError, StoreUnavailableError
from services.kit.logs import get_logger

log = get_logger(__name__)

_RIGHT = timedelta(seconds=15)
"""So long the right to make a copy lasts unless it is renewed."""

_RENEW_SECONDS = 4.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class _LostError(ServiceError):
    """The right to make the copy is another's by now."""


class Ensurer:
    """Brings files into projects. Close it: work goes on when those who asked have left."""

    def __init__(self, book: FileBook, store: CopyStore, copier: Copier | None) -> None:
        """Take what brings files, None when no bytes are kept."""
        self._book = book
        self._store = store
        self._copier = copier
        self._running: dict[tuple[str, ...], asyncio.Task[FileCopy]] = {}

    async def ensure(self, reader: Reader, name: str, project_id: str) -> FileCopy:
        """Return under which name a file can be cited in a project.

        Raises:
            FileUnknownError: There is none, or it is another client's.
            FileNotStoredError: It lies elsewhere and its bytes were not kept.
            ServiceError: See the contract of `EnsureFile`.
        """
        record = await self._book.find(reader, name)
        if found := record.copy_in(project_id, datetime.now(UTC)):
            return found
        if record.kept is None or self._copier is None:
            raise FileNotStoredError(name)
        what = (record.pool, name, record.generation, project_id)
        task = self._running.get(what)
        if task is None:
            task = asyncio.create_task(self._ensured(self._copier, record, project_id))
            self._running[what] = task
            task.add_done_callback(lambda done: self._forget(what, done))
        else:
            metrics.WAITED.inc()
        # Whoever leaves takes nothing from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Give up what still runs, so that another replica goes on."""
        await end_tasks(self._running.values())

    def _forget(self, what: tuple[str, ...], task: asyncio.Task[FileCopy]) -> None:
        del self._running[what]
        if not task.cancelled():
            # Read, so that nobody is told of it when all who asked have left.
            task.exception()

    async def _ensured(self, copier: Copier, record: FileRecord, project_id: str) -> FileCopy:
        holder = secrets.token_hex(16)
        pause = _FIRST_PAUSE
        while True:
            claim = await self._store.claim(record, project_id, holder, _RIGHT)
            match claim:
                case Claim(ClaimState.READY, FileCopy() as copy):
                    return copy
                case Claim(ClaimState.GONE):
                    raise FileUnknownError(record.name)
                case Claim(ClaimState.TAKEN):
                    with contextlib.suppress(_LostError):
                        return await self._bring(copier, record, project_id, holder, claim.copy)
            if pause == _FIRST_PAUSE:
                metrics.WAITED.inc()
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  # hides nothing
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def _bring(
        self,
        copier: Copier,
        record: FileRecord,
        project_id: str,
        holder: str,
        begun: FileCopy | None,
    ) -> FileCopy:
        async def note(copy: FileCopy | None) -> None:
            match await self._store.put(record, project_id, holder, copy):
                case ClaimState.GONE:
                    raise FileUnknownError(record.name)
                case ClaimState.HELD:
                    raise _LostError("another one brings it")

        async def renew() -> bool:
            claim = await self._store.claim(record, project_id, holder, _RIGHT)
            return claim.state in {ClaimState.TAKEN, ClaimState.READY}

        try:
            copy = await _while_renewed(copier.bring(record, project_id, begun, note), renew)
        except BytesDifferError:
            log.warning("kept bytes are not those of their file", file=record.name)
            await self._book.store.change(replace(record, kept=None))
            metrics.COPIED.labels("failed").inc()
            raise FileNotStoredError(record.name) from None
        except _LostError:
            raise
        except ServiceError:
            metrics.COPIED.labels("failed").inc()
            raise
        finally:
            # A right that cannot be given back lapses.
            with contextlib.suppress(StoreUnavailableError):
                await self._store.release(record, project_id, holder)
        metrics.COPIED.labels("made").inc()
        return copy


async def _while_renewed(work: Coroutine[Any, Any, FileCopy], renew: Any) -> FileCopy:
    """Do work as long as the right to do it can be renewed."""
    task = asyncio.create_task(work)
    try:
        while True:
            await asyncio.wait({task}, timeout=_RENEW_SECONDS)
            if task.done():
                return task.result()
            # A store that is away keeps the right as it was; recording tells in the end.
            with contextlib.suppress(StoreUnavailableError):
                if not await renew():
                    raise _LostError("another one brings it")
    finally:
        await end_tasks([task])
