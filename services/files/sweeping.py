"""What was left is dropped once its time is over: uploads, at Google too, and kept bytes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.files import metrics
from services.files.keeping.keeper import Keeper
from services.files.keeping.object_store import ObjectStoreError
from services.files.store import KeptStore
from services.kit.errors import ServiceError
from services.kit.logs import get_logger

log = get_logger(__name__)

_MOST = 50

Sweep = Callable[[int], Awaitable[int]]
"""Drops at most so many things and returns how many it found."""


async def sweep_for_ever(seconds: float, *sweeps: Sweep) -> None:
    """Sweep now and then until cancelled."""
    while True:
        for sweep in sweeps:
            try:
                while await sweep(_MOST) >= _MOST:
                    pass
            except ServiceError as error:
                log.info("sweeping has to wait", reason=error.reason)
            except Exception:
                # A boundary: what one sweep cannot bear must not end the process.
                log.exception("sweeping has failed")
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class KeptSweeper:
    """What dropping kept bytes takes.

    Attributes:
        store: Knows what is to be dropped.
        keeper: Has it.
    """

    store: KeptStore
    keeper: Keeper

    async def sweep(self, limit: int) -> int:
        """Drop what is kept of files and uploads that are no more; return how many there were."""
        due = await self.store.due(limit)
        for kept_id, is_last in due:
            try:
                await self.keeper.drop(kept_id)
            except ObjectStoreError as error:
                # It comes again.
                log.warning("kept bytes cannot be dropped", error=str(error))
                return 0
            metrics.DROPPED.inc()
            if is_last:
                await self.store.forget(kept_id)
        return len(due)
