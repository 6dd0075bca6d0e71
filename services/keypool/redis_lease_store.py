"""Leases and outcomes in Redis; the rules of the atomic steps are in the scripts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from services.keypool.model import LeaseOrder, Refusal, RefusalReason, SettleKind, Withdrawals
from services.keypool.quota_day import ends_of_day
from services.keypool.redis_keys import pool_prefix
from services.keypool.redis_scripts import (
    Call,
    RedisPort,
    from_ms,
    load_script,
    maybe_from_ms,
    texts,
    to_ms,
)
from services.keypool.store import GrantRows, LeaseRow, OutcomeRow, StandingRow

_ACQUIRE = load_script("acquire", "acquire_rotation", "acquire_answer")
_SETTLE = load_script("settle")
_RENEW = load_script("renew")
_EXPLAIN = load_script("explain")

_KEEP_NAMED_MS = 60_000
_KEEP_UNNAMED_MS = 5_000
_AT_ONCE_MS = 5_000
"""How long a request may take to start that starts at once: clocks differ a little."""

_EXPLAINED = 1_000
_GUESSED, _ABSENT = 1, 2


class RedisLeaseStore:
    """See `LeaseStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def acquire(
        self, order: LeaseOrder, outcomes: Sequence[OutcomeRow], readable: bytes
    ) -> tuple[GrantRows, list[SettleKind]]:
        """See `LeaseStore.acquire`."""
        calls, slots = _settle_calls(outcomes)
        *replies, granted = await self._port.run(*calls, _acquire_call(order, readable))
        leases, refusal, withdrawals, _ = granted
        rows = GrantRows(
            leases=tuple(_read_lease(row) for row in leases),
            refusal=_read_refusal(refusal),
            withdrawals=_read_withdrawals(withdrawals),
        )
        return rows, _read_kinds(replies, slots)

    async def settle(
        self, outcomes: Sequence[OutcomeRow], pool: str, known_epoch: int
    ) -> tuple[list[SettleKind], Withdrawals]:
        """See `LeaseStore.settle`."""
        calls, slots = _settle_calls(outcomes, pool, known_epoch)
        replies = await self._port.run(*calls)
        return _read_kinds(replies, slots), _read_withdrawals(replies[0][1])

    async def renew(
        self, raw_id: str, pool: str, key_id: str, lifetime: timedelta
    ) -> datetime | None:
        """See `LeaseStore.renew`."""
        arguments = (raw_id, key_id, to_ms(lifetime))
        [end] = await self._port.run(Call(_RENEW, pool_prefix(pool), arguments))
        return from_ms(end) if end else None

    async def explain(self, pool: str, model: str) -> tuple[list[StandingRow], datetime]:
        """See `LeaseStore.explain`."""
        [[rows, now]] = await self._port.run(Call(_EXPLAIN, pool_prefix(pool), (model, _EXPLAINED)))
        return [_read_standing(row) for row in rows], from_ms(now)


def _acquire_call(order: LeaseOrder, readable: bytes) -> Call:
    wishes = order.wishes
    is_named = not order.request_id.startswith("/")
    return Call(
        _ACQUIRE,
        pool_prefix(order.pool),
        (
            order.request_id,
            _KEEP_NAMED_MS if is_named else _KEEP_UNNAMED_MS,
            order.model,
            order.count,
            *_spans(order),
            order.client_id,
            readable,
            order.known_epoch,
            orjson.dumps(
                {
                    "projects": wishes.excluded_projects,
                    "keys": wishes.excluded_keys,
                    "required": wishes.required_project,
                    "resources": wishes.resources,
                }
            ),
        ),
    )


def _spans(order: LeaseOrder) -> tuple[int, int]:
    """Return in how many ms the request must have started, and the lease lapses."""
    lifetime = to_ms(order.lifetime)
    if order.hold is None:
        return min(_AT_ONCE_MS, lifetime), lifetime
    hold = to_ms(order.hold)
    return hold, hold + lifetime


def _settle_calls(
    outcomes: Sequence[OutcomeRow], first_pool: str | None = None, known_epoch: int = 0
) -> tuple[list[Call], list[tuple[int, int]]]:
    """Return one call for each pool, and for each outcome its call and its place therein."""
    by_pool: dict[str, list[OutcomeRow]] = {} if first_pool is None else {first_pool: []}
    slots = []
    for row in outcomes:
        rows = by_pool.setdefault(row.pool, [])
        slots.append((list(by_pool).index(row.pool), len(rows)))
        rows.append(row)
    if not by_pool:
        return [], slots
    midnights = orjson.dumps([int(end.timestamp() * 1000) for end in ends_of_day(_earlier_today())])
    calls = [
        Call(
            _SETTLE,
            pool_prefix(pool),
            (known_epoch, orjson.dumps([_write_outcome(row) for row in rows]), midnights),
        )
        for pool, rows in by_pool.items()
    ]
    return calls, slots


def _earlier_today() -> datetime:
    # The store's clock decides and may be behind ours; the script skips what is past.
    return datetime.now(UTC) - timedelta(hours=1)


def _write_outcome(row: OutcomeRow) -> list[str | int]:
    return [
        row.raw_id,
        row.report_id,
        row.key_id,
        row.project_id,
        row.model,
        row.outcome.value,
        row.effect.value,
        to_ms(row.cool_for),
        int(row.is_guess),
        int(row.ends_with_day),
        row.rule_id,
    ]


def _read_kinds(replies: Sequence[Any], slots: Sequence[tuple[int, int]]) -> list[SettleKind]:
    return [SettleKind(replies[call][0][place].decode()) for call, place in slots]


def _read_lease(row: Sequence[bytes]) -> LeaseRow:
    lease, key_id, project, alias, secret, proxy, use_by, expires = row
    return LeaseRow(
        raw_id=lease.decode(),
        key_id=key_id.decode(),
        project_id=project.decode(),
        alias=alias.decode(),
        sealed_secret=secret,
        sealed_proxy=proxy,
        use_by=from_ms(use_by),
        expire_time=from_ms(expires),
    )


def _read_refusal(row: Sequence[bytes]) -> Refusal | None:
    if not row:
        return None
    reason, retry_at, target = row
    return Refusal(RefusalReason[reason.decode()], maybe_from_ms(retry_at), target.decode())


def _read_withdrawals(row: Sequence[Any]) -> Withdrawals:
    epoch, everything, *what = row
    keys, model_projects = [], []
    for entry in texts(what):
        if entry.startswith("k"):
            keys.append(entry[1:])
        else:
            project, _, model = entry[1:].partition("/")
            model_projects.append((project, model))
    return Withdrawals(int(epoch), bool(everything), tuple(keys), tuple(model_projects))


def _read_standing(row: Sequence[Any]) -> StandingRow:
    project, score, live_keys, cool_until, flags, project_cool_until = row
    return StandingRow(
        project_id=project.decode(),
        score=float(score),
        live_keys=live_keys,
        cool_until=maybe_from_ms(cool_until),
        is_guess=bool(flags & _GUESSED),
        is_absent=bool(flags & _ABSENT),
        project_cool_until=maybe_from_ms(project_cool_until),
    )
