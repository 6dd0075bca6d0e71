"""Granting, settling and renewing leases."""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.keypool import metrics
from services.keypool.catalog import KeyChange
from services.keypool.egress import show_proxy
from services.keypool.egress_health import EgressHealth
from services.keypool.errors import LeaseLapsedError, LeaseUnknownError
from services.keypool.identity import Identity
from services.keypool.judging import judge_lease, judge_use
from services.keypool.key_secrets import KeySecrets
from services.keypool.model import (
    PURPOSE_POOLS,
    Grant,
    Lease,
    LeaseOrder,
    Outcome,
    Refusal,
    RefusalReason,
    SettleKind,
    Settlement,
    SettleResult,
    ShownWay,
    Standing,
    UnleasedUse,
    Withdrawals,
)
from services.keypool.standing import standing_of
from services.keypool.store import (
    BoundKey,
    GrantRows,
    KeyStore,
    LeaseRow,
    LeaseStore,
    OutcomeRow,
    SettledRows,
    StandingRow,
)
from services.kit.logs import get_logger
from services.kit.vault import UnreadableError

log = get_logger(__name__)

STOCK_SIZE = 256
"""What a holder may keep of a model where no limit is in force; elsewhere each request asks."""

_SEARCHES = 5
"""So often a search that was cut short goes on before the caller is told to ask again."""

_DETOURS = 8
"""So often other keys are asked for in place of those whose way out is blocked."""


class Leasing:
    """Leases keys and learns from the outcomes."""

    def __init__(
        self,
        store: LeaseStore,
        keys: KeyStore,
        identity: Identity,
        secrets: KeySecrets,
        *,
        note: Callable[[Settlement, OutcomeRow], None] | None = None,
        egress: EgressHealth | None = None,
    ) -> None:
        """Work on stores with ids and secrets.

        Args:
            store: The leases.
            keys: The keys.
            identity: Opens and seals lease ids.
            secrets: Opens the secrets of keys.
            note: Told of each outcome; must return at once.
            egress: Knows the ways out that are to be avoided.
        """
        self._egress = egress
        self._note = note
        self._store = store
        self._keys = keys
        self._identity = identity
        self._secrets = secrets

    async def acquire(self, order: LeaseOrder, settlements: Sequence[Settlement]) -> Grant:
        """Count outcomes, then grant up to `order.count` leases."""
        outcomes = self._judge_known(settlements)
        replaced = tuple(row.raw_id for row in outcomes if row.is_blameless)
        order = _named(replace(order, replaces=replaced))
        if self._egress is not None and self._egress.has_blocked:
            leases, rows = await self._grant_around(self._egress, order, outcomes)
        else:
            leases, rows = await self._grant(order, outcomes)
        metrics.GRANTED.inc(len(leases))
        if rows.refusal is not None and not _is_expected(rows.refusal, order.pool):
            metrics.REFUSED.labels(rows.refusal.reason.name).inc()
        return Grant(
            leases=tuple(leases),
            refusal=rows.refusal,
            withdrawals=rows.withdrawals,
            stock_size=STOCK_SIZE if rows.refusal is None and not rows.is_limited else 0,
            now=rows.now,
        )

    async def settle(
        self,
        settlements: Sequence[Settlement],
        uses: Sequence[UnleasedUse],
        pool: str,
        known_epoch: int,
    ) -> tuple[list[SettleResult], Withdrawals]:
        """Count outcomes, each once, and return what became of each."""
        rows = [*self._judge(settlements), *self._judge_uses(uses)]
        known = [row for row in rows if row is not None]
        settled = await self._store.settle(known, pool, known_epoch)
        _count(known, settled)
        told = iter(zip(known, settled.kinds, strict=True))
        results = []
        for maybe in rows:
            if maybe is None:
                results.append(SettleResult(SettleKind.UNKNOWN))
                continue
            row, kind = next(told)
            results.append(SettleResult(kind, row.rule_id))
        return results, settled.withdrawals

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

    async def explain(self, pool: str, model: str, input_tokens: int = 0) -> list[Standing]:
        """Tell how each project stands, those first that would be chosen first."""
        rows, now = await self._store.explain(pool, model, input_tokens)
        standings = [
            replace(standing_of(row, now), ways=self._ways_of(row, pool))
            for row in sorted(rows, key=lambda row: row.score)
        ]
        return sorted(standings, key=lambda standing: standing.reason is not None)

    def _ways_of(self, row: StandingRow, pool: str) -> tuple[ShownWay, ...]:
        found = dict.fromkeys(self._way_of(key, pool) for key in row.keys)
        return tuple(way for way in found if way is not None)

    def _way_of(self, key: BoundKey, pool: str) -> ShownWay | None:
        try:
            way = self._secrets.way_of(key, pool)
        except UnreadableError:
            return None
        is_avoided = self._egress is not None and self._egress.is_blocked(way.proxy_url)
        return ShownWay(show_proxy(way.proxy_url), way.egress, is_avoided)

    def _judge(self, settlements: Sequence[Settlement]) -> list[OutcomeRow | None]:
        rows = [judge_lease(settlement, self._identity) for settlement in settlements]
        for settlement, row in zip(settlements, rows, strict=True):
            if self._note is not None and row is not None:
                self._note(settlement, row)
        return rows

    def _judge_uses(self, uses: Sequence[UnleasedUse]) -> list[OutcomeRow]:
        rows = [judge_use(use) for use in uses]
        for use, row in zip(uses, rows, strict=True):
            if self._note is not None:
                self._note(use.settlement, row)
        return rows

    def _judge_known(self, settlements: Sequence[Settlement]) -> list[OutcomeRow]:
        return [row for row in self._judge(settlements) if row is not None]

    async def _grant(
        self, order: LeaseOrder, outcomes: Sequence[OutcomeRow]
    ) -> tuple[list[Lease], GrantRows]:
        for _ in range(_SEARCHES):
            rows = await self._store.acquire(order, outcomes, self._secrets.mark)
            _count(outcomes, rows.settled)
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

    async def _grant_around(
        self, egress: EgressHealth, order: LeaseOrder, outcomes: Sequence[OutcomeRow]
    ) -> tuple[list[Lease], GrantRows]:
        """Grant leases of keys whose way out is not blocked, as far as there are any."""
        # Unnamed: an answer that is kept for a repeated call would hold what is given back.
        leases, rows = await self._grant(_named(replace(order, request_id="")), outcomes)
        avoided = order.wishes.excluded_keys
        for _ in range(_DETOURS):
            blocked = [lease for lease in leases if egress.is_blocked(lease.proxy_url)]
            if not blocked:
                break
            avoided += tuple({lease.key_id for lease in blocked})
            wishes = replace(order.wishes, excluded_keys=avoided)
            again = replace(order, request_id="", count=len(blocked), wishes=wishes)
            others, _ = await self._grant(_named(again), ())
            if not others:
                # Nobody else is free: better a doubtful way than none.
                break
            # Only a better way is worth the change: leases that are no better go back
            # at once, so that the rotation is what it would have been without them.
            better = [lease for lease in others if not egress.is_blocked(lease.proxy_url)]
            useless = [lease for lease in others if egress.is_blocked(lease.proxy_url)]
            avoided += tuple({lease.key_id for lease in useless})
            replaced = blocked[: len(better)]
            await self._give_back([*replaced, *useless], order.pool)
            gone = {lease.lease_id for lease in replaced}
            leases = [lease for lease in leases if lease.lease_id not in gone] + better
        return leases, rows

    async def _give_back(self, leases: Sequence[Lease], pool: str) -> None:
        unused = [Settlement(lease.lease_id, Outcome.UNUSED) for lease in leases]
        rows = [judge_lease(settlement, self._identity) for settlement in unused]
        await self._store.settle([row for row in rows if row is not None], pool, 0)

    def _open(
        self, rows: Sequence[LeaseRow], order: LeaseOrder
    ) -> tuple[list[Lease], list[LeaseRow]]:
        leases, damaged = [], []
        for row in rows:
            try:
                opened = self._secrets.open(row, order.pool)
            except UnreadableError:
                damaged.append(row)
                continue
            leases.append(_lease(row, order.model, self._identity.seal_lease(row.raw_id), opened))
        return leases, damaged

    async def _retire(self, damaged: Sequence[LeaseRow], order: LeaseOrder) -> None:
        """Take keys out of use whose secrets were damaged in the store."""
        for key_id in {row.key_id for row in damaged}:
            log.error("a key cannot be unsealed: its secret or its proxy is damaged", key_id=key_id)
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


def _is_expected(refusal: Refusal, pool: str) -> bool:
    """Whether a refusal tells of no trouble: nobody need have keys for every purpose."""
    return refusal.reason is RefusalReason.POOL_EMPTY and pool in PURPOSE_POOLS


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
        not_before=row.not_before,
    )


def _count(rows: Sequence[OutcomeRow], settled: SettledRows) -> None:
    for rule in settled.frozen:
        metrics.FROZEN.labels(rule).inc()
        log.error("the same failure meets many keys at once; it harms none for now", rule=rule)
    counted: Counter[tuple[Outcome, SettleKind, str]] = Counter(
        (row.outcome, kind, row.rule_id) for row, kind in zip(rows, settled.kinds, strict=True)
    )
    for (outcome, kind, rule_id), count in counted.items():
        metrics.SETTLED.labels(outcome.value, kind.value).inc(count)
        if rule_id and kind in {SettleKind.SETTLED, SettleKind.LATE}:
            metrics.VERDICTS.labels(rule_id).inc(count)
