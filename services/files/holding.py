"""A lease held over minutes: renewed while it is used, settled once at the end."""

import asyncio
import contextlib
import time
from datetime import timedelta

from services.files.leases import KeyPool, Lease, Outcome
from services.judging import Evidence
from services.kit.errors import ServiceError
from services.kit.logs import get_logger

log = get_logger(__name__)


class Holding:
    """One lease. Settling twice settles once."""

    def __init__(self, pool: KeyPool, lease: Lease, lifetime: timedelta) -> None:
        """Keep a lease alive from now on."""
        self.lease = lease
        self._pool = pool
        self._started_at = time.time()
        self._is_settled = False
        self._renewing = asyncio.create_task(self._renew(lifetime.total_seconds() / 3))

    async def settle(self, outcome: Outcome, evidence: Evidence | None = None) -> None:
        """Report how its use ended; a pool that is away lets the lease lapse."""
        self._renewing.cancel()
        if self._is_settled:
            return
        self._is_settled = True
        started_at = 0.0 if outcome is Outcome.UNUSED else self._started_at
        try:
            await self._pool.settle(self.lease, outcome, started_at=started_at, evidence=evidence)
        except ServiceError as error:
            log.warning("a lease could not be settled", reason=error.reason)

    async def _renew(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            with contextlib.suppress(ServiceError):
                if not await self._pool.renew(self.lease):
                    return
