"""Reports of how leases ended: in batches, at once after failures, until they arrive."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from prometheus_client import Counter, Gauge

from services.edge.keypool import Keypool
from services.edge.leasing.lease import Ending, PoolAwayError, Withdrawn
from services.kit.errors import RemoteError
from services.kit.logs import get_logger

log = get_logger(__name__)

_WAITING = Gauge("edge_settlements_waiting", "Outcomes that the key pool has not confirmed yet.")
_LOST = Counter("edge_settlements_lost_total", "Outcomes that could not be reported.")

_INTERVAL = 0.1
_BATCH = 256
_KEPT = 200_000


class Settler:
    """Delivers endings to the key pool, at least once; settling twice counts once."""

    def __init__(
        self,
        keypool: Keypool,
        epoch_of: Callable[[str], int],
        on_withdrawn: Callable[[str, Withdrawn], None],
    ) -> None:
        """Take the way to the pool.

        Args:
            keypool: Where to report.
            epoch_of: The withdrawal epoch known of a pool.
            on_withdrawn: Told what each answer withdraws.
        """
        self._keypool = keypool
        self._epoch_of = epoch_of
        self._on_withdrawn = on_withdrawn
        self._queues: dict[str, deque[Ending]] = {}
        self._wake = asyncio.Event()

    def report(self, ending: Ending, *, at_once: bool = False) -> None:
        """Take an ending in; returns before it is delivered.

        Args:
            ending: What ended.
            at_once: Do not wait for a batch: others must learn of it.
        """
        queue = self._queues.setdefault(ending.key.pool, deque())
        if len(queue) >= _KEPT:
            queue.popleft()
            _LOST.inc()
        queue.append(ending)
        if at_once or len(queue) >= _BATCH:
            self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        pause = _INTERVAL
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            self._wake.clear()
            pause = _INTERVAL if await self.flush() else min(pause * 2, 2.0)
            if pause > _INTERVAL:
                # The pool is away: being woken would only be a busy loop.
                await asyncio.sleep(pause)

    async def flush(self) -> bool:
        """Deliver what has gathered; False when the pool is away."""
        for pool, queue in list(self._queues.items()):
            while queue:
                batch = [queue.popleft() for _ in range(min(len(queue), _BATCH))]
                try:
                    delivered = await self._deliver(pool, batch)
                except asyncio.CancelledError:
                    queue.extendleft(reversed(batch))
                    raise
                if not delivered:
                    queue.extendleft(reversed(batch))
                    _WAITING.set(sum(map(len, self._queues.values())))
                    return False
        _WAITING.set(0)
        return True

    async def _deliver(self, pool: str, batch: list[Ending]) -> bool:
        try:
            withdrawn = await self._keypool.settle(pool, batch, epoch=self._epoch_of(pool))
        except PoolAwayError:
            return False
        except RemoteError as error:
            # Refused for good: keeping it would block all that follows.
            log.exception("settlements refused", reason=error.reason, count=len(batch))
            _LOST.inc(len(batch))
            return True
        self._on_withdrawn(pool, withdrawn)
        return True

    async def drain(self, seconds: float) -> None:
        """Deliver what is left before the process ends, trying for so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not await self.flush():
                    await asyncio.sleep(0.1)
