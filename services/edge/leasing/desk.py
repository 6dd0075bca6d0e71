"""Where requests get a key and give it back, whatever the state of the key pool."""

import asyncio
import contextlib
import time
from collections.abc import Collection

from services.edge import metrics
from services.edge.keypool import Keypool
from services.edge.leasing.grace import Grace, new_report_id
from services.edge.leasing.holding import Holdings
from services.edge.leasing.lease import (
    Ending,
    Grant,
    HeldKey,
    Need,
    PoolAwayError,
    RefusedError,
    Withdrawn,
)
from services.edge.leasing.link import PoolLink
from services.edge.leasing.settling import Settler
from services.edge.leasing.stock import Stock
from services.edge.usage import TokenUsage
from services.judging import Evidence, Verdict
from services.kit.health import Health

_SWEEP_SECONDS = 0.25
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
        self._patience = patience
        self._grace = Grace(grace_seconds)
        self._link = PoolLink(
            keypool,
            health,
            lease_seconds=lease_seconds,
            on_withdrawn=self._on_withdrawn,
            give_back=self._unused,
        )
        self._holdings = Holdings(self._link, lease_seconds)
        self._settler = Settler(keypool, self._link.epoch, self._link.note)
        self._stocks: dict[tuple[str, str, bool], Stock] = {}
        self._waiting: dict[str, tuple[HeldKey, asyncio.Event]] = {}

    @property
    def is_away(self) -> bool:
        """Whether the pool did not answer when last asked."""
        return self._link.is_away

    def note_away(self) -> None:
        """Note that the pool did not answer somebody else."""
        self._link.note_away()

    async def take(
        self,
        need: Need,
        *,
        excluded_projects: Collection[str] = (),
        excluded_keys: Collection[str] = (),
        ending: Ending | None = None,
        knows_others: bool = False,
    ) -> HeldKey:
        """Return a key for one call that starts at once, waiting for it if need be.

        Args:
            need: What it is for.
            excluded_projects: Projects that have failed this request.
            excluded_keys: Keys that have failed this request.
            ending: The failed lease that this one replaces: settled on the way.
            knows_others: Whether the caller can do with another key, and so waits for no pool
                that is away.

        Raises:
            RefusedError: No key can serve the request now.
            PoolAwayError: The pool is away and no key is known.
        """
        deadline = time.monotonic() + need.patience
        excluded = (excluded_projects, excluded_keys)
        while True:
            key = await self._find(need, deadline, excluded, ending, knows_others=knows_others)
            if not key.not_before or await self._wait_for(key):
                return key
            # It was withdrawn while its time had not come: ask again.
            ending = None

    async def until_lost(self, key: HeldKey) -> None:
        """Keep a key that `take` returned for a session, until it can be used no more."""
        await self._holdings.until_lost(key)

    def succeeded(
        self, key: HeldKey, client_id: str, started_at: float, usage: TokenUsage | None
    ) -> None:
        """Report a complete answer."""
        if usage is not None:
            metrics.tokens(key.model, usage)
        self._settler.report(
            _ending(key, client_id, "succeeded", started_at=started_at, usage=usage)
        )

    def abandoned(self, key: HeldKey, client_id: str, started_at: float) -> None:
        """Report a call that was given up, because its client left."""
        self._settler.report(_ending(key, client_id, "abandoned", started_at=started_at))

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
        return _ending(key, client_id, "failed", started_at=started_at, evidence=evidence)

    def report(self, ending: Ending) -> None:
        """Report a failure that no further attempt follows."""
        self._settler.report(ending, at_once=True)

    async def run(self) -> None:
        """Sweep stocks and deliver reports until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._settler.run())
            tasks.create_task(self._sweep())
            tasks.create_task(self._holdings.run())

    async def close(self, seconds: float) -> None:
        """Give back the stock and deliver what is left."""
        self._link.close()
        for stock in self._stocks.values():
            stock.close()
        await self._settler.drain(seconds)

    async def _find(
        self,
        need: Need,
        deadline: float,
        excluded: tuple[Collection[str], Collection[str]],
        ending: Ending | None,
        *,
        knows_others: bool,
    ) -> HeldKey:
        if not self._link.is_away:
            try:
                return await self._from_pool(need, deadline, excluded, ending)
            except PoolAwayError:
                # Grace is next.
                pass
        if ending is not None:
            self._settler.report(ending, at_once=True)
        key = self._grace.take(need, *excluded)
        if key is not None:
            return key
        if ending is not None or knows_others or not self._patience:
            raise PoolAwayError("the key pool is away and no other key is known")
        return self._first(await self._link.acquire(need, patience=self._patience))

    async def _from_pool(
        self,
        need: Need,
        deadline: float,
        excluded: tuple[Collection[str], Collection[str]],
        ending: Ending | None,
    ) -> HeldKey:
        stock = self._stock(need)
        projects, keys = excluded
        from_stock = need.from_stock and not need.is_bound and ending is None and not keys
        if from_stock and stock.first is not None:
            # Whether there may be a stock is asked once: a burst of first requests would ask as
            # often as it has requests.
            await asyncio.shield(stock.first)
        if stock.is_open and from_stock:
            try:
                return await stock.take()
            except RefusedError as refusal:
                if refusal.retry_after is None or refusal.retry_after > need.patience:
                    raise
        carried = ending if ending is not None and _goes_along(ending, need) else None
        with stock.asking() if from_stock else contextlib.nullcontext():
            grant = await self._link.acquire(
                need,
                ending=carried,
                excluded_projects=projects,
                excluded_keys=keys,
                wait=max(0.0, deadline - time.monotonic()),
            )
            if grant.keys and ending is None and not need.is_bound:
                stock.allow(grant.stock_size)
        if ending is not None and carried is None:
            self._settler.report(ending, at_once=True)
        return self._first(grant)

    def _first(self, grant: Grant) -> HeldKey:
        if not grant.keys:
            raise grant.refusal or RefusedError("AGAIN", "no key was granted", 1)
        self._grace.remember(grant.keys)
        return grant.keys[0]

    async def _wait_for(self, key: HeldKey) -> bool:
        """Wait for the time of a reserved slot; False when it was withdrawn meanwhile."""
        withdrawn = asyncio.Event()
        self._waiting[key.lease_id] = (key, withdrawn)
        metrics.REQUESTS_WAITING.inc()
        try:
            async with asyncio.timeout(max(0.0, key.not_before - time.monotonic())):
                await withdrawn.wait()
        except TimeoutError:
            return True
        except asyncio.CancelledError:
            self._unused(key)
            raise
        else:
            self._unused(key)
            return False
        finally:
            del self._waiting[key.lease_id]
            metrics.REQUESTS_WAITING.dec()

    def _stock(self, need: Need) -> Stock:
        place = (need.pool, need.model, need.operation.is_free)
        stock = self._stocks.get(place)
        if stock is None:
            # Nobody's in particular: whoever comes first must not shape the others' leases.
            common = Need(need.pool, "", need.model, need.operation)

            async def acquire(count: int, hold: float) -> Grant:
                grant = await self._link.acquire(common, count=count, hold=hold)
                self._grace.remember(grant.keys)
                return grant

            stock = self._stocks[place] = Stock(acquire, self._unused)
        return stock

    def _unused(self, key: HeldKey) -> None:
        self._settler.report(_ending(key, "", "unused"))

    def _on_withdrawn(self, pool: str, withdrawn: Withdrawn) -> None:
        self._grace.contact()
        if not (withdrawn.everything or withdrawn.key_ids or withdrawn.model_projects):
            return
        self._grace.forget(pool, withdrawn)
        self._holdings.withdraw(pool, withdrawn)
        for key, event in self._waiting.values():
            if key.pool == pool and withdrawn.covers(key):
                event.set()
        for (stock_pool, _, _), stock in self._stocks.items():
            if stock_pool == pool:
                stock.drop(withdrawn.covers)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = time.monotonic()
            for place, stock in list(self._stocks.items()):
                stock.sweep(now)
                if now - stock.last_taken > _STOCK_IDLE_SECONDS and not len(stock):
                    del self._stocks[place]
            metrics.STOCK.set(sum(map(len, self._stocks.values())))
            await self._link.tidy()


def _goes_along(ending: Ending, need: Need) -> bool:
    """Whether an ending is settled with the order for a need."""
    # A use in grace is no lease, and an order's answer tells what was withdrawn of its own pool
    # alone: other stock of the failed key would go on.
    return bool(ending.key.lease_id) and ending.key.pool == need.pool


def _ending(
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
