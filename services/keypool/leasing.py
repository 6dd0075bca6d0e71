"""Granting, settling and renewing leases."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.keypool import metrics
from services.keypool.catalog import KeyChange
from services.keypool.errors import LeaseLapsedError, LeaseUnknownError, UnreadableError
from services.keypool.identity import Identity
from services.keypool.judging import judge_lease, judge_use
from services.keypool.key_secrets import KeySecrets
from services.keypool.model import (
    Grant,
    Lease,
    LeaseOrder,
    Outcome,
    Refusal,
    RefusalReason,
    SettleKind,
    Settlement,
    SettleResult,
    Standing,
    UnleasedUse,
    Withdrawals,
)
from services.keypool.store import (
    GrantRows,
    KeyStore,
    LeaseRow,
    LeaseStore,
    OutcomeRow,
    StandingRow,
)
from services.kit.logs import get_logger

log = get_logger(__name__)

STOCK_SIZE = 64
"""What a holder may keep of a model that no known limit holds back."""

_SEARCHES = 5
"""So often a search that was cut short goes on before the caller is told to ask again."""


class Leasing:
    """Leases keys and learns from the outcomes."""

    def __init__(
        self, store: LeaseStore, keys: KeyStore, identity: Identity, secrets: KeySecrets
    ) -> None:
        """Work on stores with ids and secrets."""
        self._store = store
        self._keys = keys
        self._identity = identity
        self._secrets = secrets

    async def acquire(self, order: LeaseOrder, settlements: Sequence[Settlement]) -> Grant:
        """Count outcomes, then grant up to `order.count` leases."""
        order = _named(order)
        leases, rows = await self._grant(order, self._judge_known(settlements))
        metrics.GRANTED.inc(len(leases))
        if rows.refusal is not None:
            metrics.REFUSED.labels(rows.refusal.reason.name).inc()
        return Grant(
            leases=tuple(leases),
            refusal=rows.refusal,
            withdrawals=rows.withdrawals,
            stock_size=STOCK_SIZE if rows.refusal is None else 0,
        )

    async def settle(
        self,
        settlements: Sequence[Settlement],
        uses: Sequence[UnleasedUse],
        pool: str,
        known_epoch: int,
    ) -> tuple[list[SettleResult], Withdrawals]:
        """Count outcomes, each once, and return what became of each."""
        rows = [*self._judge(settlements), *(judge_use(use) for use in uses)]
        known = [row for row in rows if row is not None]
        kinds, withdrawals = await self._store.settle(known, pool, known_epoch)
        _count(known, kinds)
        told = iter(zip(known, kinds, strict=True))
        results = []
        for maybe in rows:
            if maybe is None:
                results.append(SettleResult(SettleKind.UNKNOWN))
                continue
            row, kind = next(told)
            results.append(SettleResult(kind, row.rule_id))
        return results, withdrawals

    async def renew(self, lease_id: str, lifetime: timedelta) -> datetime:
        """Extend a lease and return its end.

        Raises:
            LeaseUnknownError: The text was never a lease.
            LeaseLapsedError: It has run out or was settled.
        """
        name = self._identity.open_lease(lease_id)
        if name is None:
            raise LeaseUnknownError("not a lease of this pool")
        end = await self._store.renew(name.raw, name.pool, name.key_id, lifetime)
        if end is None:
            raise LeaseLapsedError("the lease has lapsed or was settled: acquire a new one")
        return end

    async def explain(self, pool: str, model: str) -> list[Standing]:
        """Tell how each project stands, those first that would be chosen first."""
        rows, now = await self._store.explain(pool, model)
        standings = [(_standing(row, now), row) for row in sorted(rows, key=lambda row: row.score)]
        standings.sort(key=lambda pair: pair[0].reason is not None)
        return [standing for standing, _ in standings]

    def _judge(self, settlements: Sequence[Settlement]) -> list[OutcomeRow | None]:
        return [judge_lease(settlement, self._identity) for settlement in settlements]

    def _judge_known(self, settlements: Sequence[Settlement]) -> list[OutcomeRow]:
        return [row for row in self._judge(settlements) if row is not None]

    async def _grant(
        self, order: LeaseOrder, outcomes: Sequence[OutcomeRow]
    ) -> tuple[list[Lease], GrantRows]:
        for _ in range(_SEARCHES):
            rows, kinds = await self._store.acquire(order, outcomes, self._secrets.mark)
            _count(outcomes, kinds)
            outcomes = ()
            leases, damaged = self._open(rows.leases, order)
            if damaged:
                await self._retire(damaged, order)
                order = _named(replace(order, request_id=""))
            elif rows.refusal is None or rows.refusal.reason is not RefusalReason.AGAIN:
                return leases, rows
            if leases:
                break
        refusal = rows.refusal or Refusal(RefusalReason.AGAIN)
        return leases, replace(rows, refusal=refusal)

    def _open(
        self, rows: Sequence[LeaseRow], order: LeaseOrder
    ) -> tuple[list[Lease], list[LeaseRow]]:
        leases, damaged = [], []
        for row in rows:
            try:
                opened = self._secrets.open(row.key_id, row.sealed_secret, row.sealed_proxy)
            except UnreadableError:
                damaged.append(row)
                continue
            leases.append(_lease(row, order.model, self._identity.seal_lease(row.raw_id), opened))
        return leases, damaged

    async def _retire(self, damaged: Sequence[LeaseRow], order: LeaseOrder) -> None:
        """Take keys out of use whose secrets were damaged in the store."""
        for key_id in {row.key_id for row in damaged}:
            log.error("the secret of a key is damaged: add the key anew", key_id=key_id)
            metrics.UNREADABLE.inc()
            await self._keys.change(order.pool, key_id, KeyChange(state="unreadable"))
        unused = [
            OutcomeRow(
                raw_id=row.raw_id,
                report_id="",
                pool=order.pool,
                key_id=row.key_id,
                project_id=row.project_id,
                model=order.model,
                outcome=Outcome.UNUSED,
            )
            for row in damaged
        ]
        await self._store.settle(unused, order.pool, 0)


def _named(order: LeaseOrder) -> LeaseOrder:
    """Name an order that has no name: the store's client repeats calls whose answer got lost."""
    return order if order.request_id else replace(order, request_id=f"/{uuid.uuid4().hex}")


def _lease(row: LeaseRow, model: str, lease_id: str, opened: tuple[str, str]) -> Lease:
    secret, proxy_url = opened
    return Lease(
        lease_id=lease_id,
        key_id=row.key_id,
        key_alias=row.alias,
        project_id=row.project_id,
        secret=secret,
        model=model,
        use_by=row.use_by,
        expire_time=row.expire_time,
        proxy_url=proxy_url,
    )


def _count(rows: Sequence[OutcomeRow], kinds: Sequence[SettleKind]) -> None:
    for row, kind in zip(rows, kinds, strict=True):
        metrics.SETTLED.labels(row.outcome.value, kind.value).inc()
        if row.rule_id and kind in {SettleKind.SETTLED, SettleKind.LATE}:
            metrics.VERDICTS.labels(row.rule_id).inc()


def _standing(row: StandingRow, now: datetime) -> Standing:
    if row.live_keys == 0:
        return Standing(row.project_id, RefusalReason.NO_LIVE_KEY, None, "no live key")
    if row.project_cool_until is not None and row.project_cool_until > now:
        return Standing(
            row.project_id, RefusalReason.QUOTA, row.project_cool_until, "cooling for all models"
        )
    if row.cool_until is None or row.cool_until <= now:
        return Standing(row.project_id, None, None, f"{row.live_keys} live keys")
    if row.is_absent:
        return Standing(
            row.project_id, RefusalReason.MODEL_ABSENT, row.cool_until, "does not offer the model"
        )
    detail = "cooling, for a guessed time" if row.is_guess else "cooling"
    return Standing(row.project_id, RefusalReason.QUOTA, row.cool_until, detail)
