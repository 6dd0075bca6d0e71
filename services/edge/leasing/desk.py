"""Where requests get a key and give it back, whatever the state of the key pool."""

import asyncio
import contextlib
import time
from collections.abc import Collection

from prometheus_client import Gauge

from services.edge.keypool import Keypool
from services.edge.leasing.grace import Grace, new_report_id
from services.edge.leasing.lease import (
    Ending,
    Grant,
    HeldKey,
    Need,
    PoolAwayError,
    RefusedError,
    Withdrawn,
)
from services.edge.leasing.settling import Settler
from services.edge.leasing.stock import Stock
from services.edge.usage import TokenUsage
from services.judging import Evidence, Verdict
from services.kit.health import Health
from services.kit.logs import get_logger

log = get_logger(__name__)

_AWAY = Gauge("edge_keypool_away", "1 while the key pool does not answer.")

_SWEEP_SECONDS = 0.25
_PROBE_SECONDS = 0.2
_STOCK_IDLE_SECONDS = 60.0


class LeaseDesk:
    """Hands out keys: from stock, from the pool, or in grace, in this order."""

    def __init__(
        self,
        keypool: Keypool,
        health: Health,
        *,
        grace_seconds: float,
        lease_seconds: float,
        patience: float,
    ) -> None:
        """Wire the desk.

        Args:
            keypool: The pool.
            health: Shows when requests are served in grace.
            grace_seconds: See `Grace`.
            lease_seconds: How long a call may run.
            patience: Seconds that a request waits for a pool that is away when no
                key is known.
        """
        self._keypool = keypool
        self._health = health
        self._lease_seconds = lease_seconds
        self._patience = patience
        self._grace = Grace(grace_seconds)
        self._epochs: dict[str, int] = {}
        self._settler = Settler(keypool, self._epoch, self._on_withdrawn)
        self._stocks: dict[tuple[str, str, bool], Stock] = {}
        self._probe: asyncio.Task[None] | None = None

    async def take(
        self,
        need: Need,
        *,
        excluded_projects: Collection[str] = (),
        excluded_keys: Collection[str] = (),
        ending: Ending | None = None,
    ) -> HeldKey:
        """Return a key for one call that starts at once.

        Args:
            need: What it is for.
            excluded_projects: Projects that have failed this request.
            excluded_keys: Keys that have failed this request.
            ending: The failed lease that this one replaces: settled on the way.

        Raises:
            RefusedError: No key can serve the request now.
            PoolAwayError: The pool is away and no key is known.
        """
        if self._probe is None:
            try:
                if need.from_stock and ending is None and not excluded_projects:
                    return await self._stock(need).take()
                grant = await self._acquire(
                    need,
                    ending=ending,
                    excluded_projects=excluded_projects,
                    excluded_keys=excluded_keys,
                )
            except PoolAwayError:
                self._went_away()
            else:
                if grant.keys:
                    return grant.keys[0]
                raise grant.refusal or RefusedError("AGAIN", "no key was granted", 1)
        if ending is not None:
            self._settler.report(ending, at_once=True)
        key = self._grace.take(need, excluded_projects, excluded_keys)
        if key is not None:
            return key
        if ending is not None or not self._patience:
            raise PoolAwayError("the key pool is away and no other key is known")
        grant = await self._acquire(need, patience=self._patience)
        if grant.keys:
            return grant.keys[0]
        raise grant.refusal or RefusedError("AGAIN", "no key was granted", 1)

    def succeeded(
        self, key: HeldKey, client_id: str, started_at: float, usage: TokenUsage | None
    ) -> None:
        """Report a complete answer."""
        self._settler.report(
            self._ending(key, client_id, "succeeded", started_at=started_at, usage=usage)
        )

    def abandoned(self, key: HeldKey, client_id: str, started_at: float) -> None:
        """Report a call that was given up, because its client left."""
        self._settler.report(self._ending(key, client_id, "abandoned", started_at=started_at))

    def failed(
        self,
        key: HeldKey,
        client_id: str,
        *,
        started_at: float,
        evidence: Evidence,
        verdict: Verdict,
    ) -> Ending:
        """Return the ending of a failed call, to go with the next `take` or to `report`."""
        self._grace.note(key, verdict)
        return self._ending(key, client_id, "failed", started_at=started_at, evidence=evidence)

    def report(self, ending: Ending) -> None:
        """Report a failure that no further attempt follows."""
        self._settler.report(ending, at_once=True)

    async def run(self) -> None:
        """Sweep stocks and deliver reports until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._settler.run())
            tasks.create_task(self._sweep())

    async def close(self, seconds: float) -> None:
        """Give back the stock and deliver what is left."""
        if self._probe is not None:
            self._probe.cancel()
        for stock in self._stocks.values():
            stock.close()
        await self._settler.drain(seconds)

    def _stock(self, need: Need) -> Stock:
        place = (need.pool, need.model, need.operation.is_free)
        stock = self._stocks.get(place)
        if stock is None:

            async def acquire(count: int, hold: float) -> Grant:
                return await self._acquire(need, count=count, hold=hold)

            stock = self._stocks[place] = Stock(acquire, self._unused)
        return stock

    async def _acquire(
        self,
        need: Need,
        *,
        count: int = 1,
        hold: float = 0,
        ending: Ending | None = None,
        excluded_projects: Collection[str] = (),
        excluded_keys: Collection[str] = (),
        patience: float = 0,
    ) -> Grant:
        carried = [ending] if ending is not None and ending.key.lease_id else []
        grant = await self._keypool.acquire(
            need,
            count=count,
            hold=hold,
            epoch=self._epoch(need.pool),
            endings=carried,
            excluded_projects=list(excluded_projects),
            excluded_keys=list(excluded_keys),
            lifetime=self._lease_seconds,
            patience=patience,
        )
        if ending is not None and not carried:
            self._settler.report(ending, at_once=True)
        self._grace.contact()
        self._on_withdrawn(need.pool, grant.withdrawn)
        for key in grant.keys:
            self._grace.remember(key)
        return grant

    def _ending(
        self,
        key: HeldKey,
        client_id: str,
        kind: str,
        *,
        started_at: float = 0,
        usage: TokenUsage | None = None,
        evidence: Evidence | None = None,
    ) -> Ending:
        report_id = "" if key.lease_id else new_report_id()
        return Ending(key, client_id, kind, started_at, usage, evidence, report_id)

    def _unused(self, key: HeldKey) -> None:
        self._settler.report(self._ending(key, "", "unused"))

    def _epoch(self, pool: str) -> int:
        return self._epochs.get(pool, 0)

    def _on_withdrawn(self, pool: str, withdrawn: Withdrawn) -> None:
        self._epochs[pool] = withdrawn.epoch
        if not (withdrawn.everything or withdrawn.key_ids or withdrawn.model_projects):
            return
        self._grace.forget(pool, withdrawn)
        for (stock_pool, _, _), stock in self._stocks.items():
            if stock_pool == pool:
                stock.drop(withdrawn.covers)

    def _went_away(self) -> None:
        if self._probe is None:
            log.warning("the key pool does not answer; going on with known keys")
            _AWAY.set(1)
            self._health.note("keypool", "away, serving with known keys")
            self._probe = asyncio.create_task(self._until_back())

    async def _until_back(self) -> None:
        """Ask until the pool answers; requests meanwhile do not wait for it."""
        while True:
            await asyncio.sleep(_PROBE_SECONDS)
            with contextlib.suppress(PoolAwayError):
                withdrawn = await self._keypool.settle("default", (), epoch=self._epoch("default"))
                break
        self._probe = None
        self._grace.contact()
        self._on_withdrawn("default", withdrawn)
        _AWAY.set(0)
        self._health.note("keypool", "")
        log.warning("the key pool answers again")

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = time.monotonic()
            for place, stock in list(self._stocks.items()):
                stock.sweep(now)
                if now - stock.last_taken > _STOCK_IDLE_SECONDS and not len(stock):
                    del self._stocks[place]
