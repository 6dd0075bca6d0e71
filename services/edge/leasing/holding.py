"""Keys in use for longer than a call takes: their leases renewed, withdrawals noticed."""

import asyncio
import contextlib

from services.edge.leasing.lease import HeldKey, PoolAwayError, Withdrawn
from services.edge.leasing.link import PoolLink

_LOOK_SECONDS = 5.0
_AGAIN_SECONDS = 2.0


class Holdings:
    """What is held for sessions.

    Cool-downs end no session: they are about calls to come.
    """

    def __init__(self, link: PoolLink, lease_seconds: float) -> None:
        """Take the way to the pool, and for how long leases are renewed."""
        self._link = link
        self._interval = lease_seconds / 3
        self._held: dict[asyncio.Event, HeldKey] = {}

    async def until_lost(self, key: HeldKey) -> None:
        """Keep a key until it is withdrawn, or until its lease has lapsed all the same.

        A pool that is away is asked again; a key used in grace has no lease to renew.
        """
        withdrawn = asyncio.Event()
        self._held[withdrawn] = key
        try:
            async with asyncio.TaskGroup() as tasks:
                renewing = tasks.create_task(self._renew(key, withdrawn))
                await withdrawn.wait()
                renewing.cancel()
        finally:
            del self._held[withdrawn]

    def withdraw(self, pool: str, withdrawn: Withdrawn) -> None:
        """Let go of the keys that are dead, paused or gone."""
        for event, key in self._held.items():
            if key.pool == pool and key.key_id in withdrawn.key_ids:
                event.set()

    async def run(self) -> None:
        """Hear of withdrawals where no request brings them, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for pool in {key.pool for key in self._held.values()}:
                with contextlib.suppress(PoolAwayError):
                    await self._link.look(pool)

    async def _renew(self, key: HeldKey, lost: asyncio.Event) -> None:
        pause = self._interval
        while key.lease_id:
            await asyncio.sleep(pause)
            try:
                if not await self._link.renew(key):
                    lost.set()
                pause = self._interval
            except PoolAwayError:
                pause = min(_AGAIN_SECONDS, self._interval)
