"""Leases and outcomes in Redis; the rules of the atomic steps are in the scripts."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from services.keypool.clock_watch import ClockWatch
from services.keypool.model import LeaseOrder, SettleKind
from services.keypool.redis_keys import pool_prefix
from services.keypool.redis_lease_rows import (
    SLACK,
    read_lease,
    read_refusal,
    read_standing,
    read_withdrawals,
    write_calendar,
    write_needs,
    write_outcome,
    write_spans,
    write_wishes,
)
from services.keypool.redis_scripts import (
    PROJECTS,
    Call,
    RedisPort,
    from_ms,
    load_script,
    texts,
    to_ms,
)
from services.keypool.store import GrantRows, OutcomeRow, SettledRows, StandingRow

_ACQUIRE = load_script(
    "turns",
    "withdrawals",
    "models",
    "pace",
    "quota",
    "states",
    "charges",
    "limits",
    "client",
    "acquire",
    "acquire_gate",
    "acquire_rotation",
    "acquire_answer",
    "acquire_affinity",
    "acquire_waiting",
    "acquire_refusal",
    "acquire_choice",
)
_SETTLE = load_script(
    "turns",
    "withdraw",
    "withdrawals",
    "enlisting",
    "models",
    "pace",
    "quota",
    "states",
    "charges",
    "corrections",
    "limits",
    "client",
    "usage",
    "settle_effects",
    "settle_guard",
    "settle",
)
_RENEW = load_script("renew")
_EXPLAIN = load_script(
    *PROJECTS, "models", "pace", "quota", "states", "charges", "limits", "explain"
)
_QUOTAS_CHANGED = load_script("models", "quotas_changed")
_SWEEP = load_script("turns", "sweep_model")

_KEEP_NAMED_MS = 60_000
_KEEP_UNNAMED_MS = 5_000
_EXPLAINED = 1_000


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class RedisLeaseStore:
    """See `LeaseStore`."""

    def __init__(
        self,
        port: RedisPort,
        *,
        slack: timedelta = SLACK,
        now: Callable[[], datetime] = _wall_clock,
        watch: ClockWatch | None = None,
    ) -> None:
        """Work over a port.

        Args:
            port: The way to Redis.
            slack: By how much longer a minute counts here than at Google.
            now: Our clock, for the calendar. What counts is the clock of Redis.
            watch: Told what both clocks say.
        """
        self._port = port
        self._slack = slack
        self._now = now
        self._watch = watch or ClockWatch()

    async def acquire(
        self, order: LeaseOrder, outcomes: Sequence[OutcomeRow], readable: bytes
    ) -> GrantRows:
        """See `LeaseStore.acquire`."""
        calls, slots = self._settle_calls(outcomes, replaced=order.replaces)
        sent = self._now()
        *replies, granted = await self._port.run(*calls, self._acquire_call(order, readable))
        leases, refusal, withdrawals, limited, told_now = granted
        self._watch.note(sent, from_ms(told_now), self._now())
        told = read_withdrawals(withdrawals)
        return GrantRows(
            leases=tuple(read_lease(row) for row in leases),
            refusal=read_refusal(refusal),
            withdrawals=told,
            is_limited=bool(limited),
            now=from_ms(told_now),
            settled=SettledRows(_read_kinds(replies, slots), told, _read_frozen(replies)),
        )

    async def settle(
        self, outcomes: Sequence[OutcomeRow], pool: str, known_epoch: int
    ) -> SettledRows:
        """See `LeaseStore.settle`."""
        calls, slots = self._settle_calls(outcomes, pool, known_epoch)
        replies = await self._port.run(*calls)
        return SettledRows(
            _read_kinds(replies, slots), read_withdrawals(replies[0][1]), _read_frozen(replies)
        )

    async def renew(
        self, raw_id: str, pool: str, key_id: str, lifetime: timedelta
    ) -> datetime | None:
        """See `LeaseStore.renew`."""
        arguments = (raw_id, key_id, to_ms(lifetime))
        [end] = await self._port.run(Call(_RENEW, pool_prefix(pool), arguments))
        return from_ms(end) if end else None

    async def explain(
        self, pool: str, model: str, input_tokens: int
    ) -> tuple[list[StandingRow], datetime]:
        """See `LeaseStore.explain`."""
        arguments = (model, _EXPLAINED, input_tokens, self._calendar())
        [[rows, now]] = await self._port.run(Call(_EXPLAIN, pool_prefix(pool), arguments))
        return [read_standing(row) for row in rows], from_ms(now)

    async def quotas_changed(self, pool: str) -> None:
        """See `LeaseStore.quotas_changed`."""
        prefix = pool_prefix(pool)
        [models] = await self._port.run(Call(_QUOTAS_CHANGED, prefix, ()))
        for model in texts(models):
            has_more = True
            while has_more:
                [has_more] = await self._port.run(Call(_SWEEP, prefix, (model,)))

    def _calendar(self) -> bytes:
        return write_calendar(self._now(), self._slack)

    def _acquire_call(self, order: LeaseOrder, readable: bytes) -> Call:
        is_named = not order.request_id.startswith("/")
        keep = _KEEP_NAMED_MS if is_named else _KEEP_UNNAMED_MS
        return Call(
            _ACQUIRE,
            pool_prefix(order.pool),
            (
                order.request_id,
                keep + to_ms(order.wait_budget),
                order.model,
                order.count,
                *write_spans(order),
                order.client_id,
                readable,
                order.known_epoch,
                *write_needs(order),
                write_wishes(order),
                self._calendar(),
            ),
        )

    def _settle_calls(
        self,
        outcomes: Sequence[OutcomeRow],
        first_pool: str | None = None,
        known_epoch: int = 0,
        *,
        replaced: Collection[str] = (),
    ) -> tuple[list[Call], list[tuple[int, int]]]:
        """Return one call for each pool, and for each outcome its call and its place therein."""
        by_pool: dict[str, list[Any]] = {} if first_pool is None else {first_pool: []}
        slots = []
        for row in outcomes:
            rows = by_pool.setdefault(row.pool, [])
            slots.append((list(by_pool).index(row.pool), len(rows)))
            rows.append(write_outcome(row, is_replaced=row.raw_id in replaced))
        if not by_pool:
            return [], slots
        calendar = self._calendar()
        calls = [
            Call(
                _SETTLE,
                pool_prefix(pool),
                (known_epoch, orjson.dumps(rows), calendar),
            )
            for pool, rows in by_pool.items()
        ]
        return calls, slots


def _read_kinds(replies: Sequence[Any], slots: Sequence[tuple[int, int]]) -> list[SettleKind]:
    return [SettleKind(replies[call][0][place].decode()) for call, place in slots]


def _read_frozen(replies: Sequence[Any]) -> tuple[str, ...]:
    return tuple(rule for reply in replies for rule in texts(reply[2]))
