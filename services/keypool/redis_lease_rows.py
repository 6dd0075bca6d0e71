"""What the scripts of leases read and write: arguments and replies."""

import base64
import hashlib
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from services.keypool.model import (
    LeaseOrder,
    Outcome,
    Pace,
    Refusal,
    RefusalReason,
    Usage,
    Window,
    WindowKind,
    Wishes,
    Withdrawals,
)
from services.keypool.quota_day import ends_of_day
from services.keypool.redis_scripts import from_ms, maybe_from_ms, texts, to_ms
from services.keypool.store import BoundKey, LeaseRow, OutcomeRow, StandingRow

SLACK = timedelta(milliseconds=500)
"""By how much longer a minute counts here than at Google, which counts arrivals, not grants."""

_AT_ONCE_MS = 5_000
"""How long a request may take to start that starts at once: clocks differ a little."""

_GUESSED, _ABSENT = 1, 2


def write_calendar(now: datetime, slack: timedelta = SLACK) -> bytes:
    """Return the last argument of every script that looks at quota.

    Args:
        now: The time by our clock. The store's decides and may be behind; scripts skip
            what is past.
        slack: See `SLACK`.
    """
    ends = ends_of_day(now - timedelta(hours=1))
    return struct.pack("<4d", to_ms(slack), *(end.timestamp() * 1000 for end in ends))


def write_needs(order: LeaseOrder) -> tuple[int, int, int, int]:
    """Return what each request needs: tokens, 1 when free, ms in stock, ms it can wait."""
    hold = 0 if order.hold is None else to_ms(order.hold)
    return order.input_tokens, int(order.is_free), hold, to_ms(order.wait_budget)


def write_wishes(order: LeaseOrder) -> bytes:
    """Return what narrows an order, and which failed tries it replaces; most have nothing."""
    wishes = order.wishes
    if not order.affinity_hash and not order.replaces and wishes == Wishes():
        return b""
    return orjson.dumps(
        {
            "projects": wishes.excluded_projects,
            "keys": wishes.excluded_keys,
            "required": wishes.required_project,
            "resources": wishes.resources,
            "affinity": _write_affinity(order.affinity_hash),
            "replaces": [int(raw_id.partition("/")[0]) for raw_id in order.replaces],
        }
    )


def _write_affinity(affinity_hash: int) -> dict[str, Any] | bool:
    # As texts: numbers of scripts have 53 bits. Points are names of keys that may exist.
    if not affinity_hash:
        return False
    digest = hashlib.sha256(affinity_hash.to_bytes(8)).digest()
    halves = digest[:5], digest[5:10]
    points = [f"k{base64.b32encode(half).decode().lower()}" for half in halves]
    return {"hash": f"{affinity_hash:x}", "points": points}


def write_spans(order: LeaseOrder) -> tuple[int, int]:
    """Return in how many ms the request must have started, and the lease lapses."""
    lifetime = to_ms(order.lifetime)
    if order.hold is None:
        return min(_AT_ONCE_MS, lifetime), lifetime
    hold = to_ms(order.hold)
    return hold, hold + lifetime


def write_outcome(row: OutcomeRow, *, is_replaced: bool) -> list[Any]:
    """Return an outcome as the script that settles reads it: short for most."""
    told = [
        row.raw_id,
        row.outcome.value,
        row.client_id,
        -int(-row.started_at.timestamp() * 1000 // 1) if row.started_at else 0,
        _write_usage(row.usage),
    ]
    if row.raw_id and row.outcome is not Outcome.FAILED:
        return told
    limits = row.told_limits
    more = {
        "report": row.report_id,
        "key": row.key_id,
        "model": row.model,
        "effect": row.effect.value,
        "ms": to_ms(row.cool_for),
        "is_guess": row.is_guess,
        "is_day": row.ends_with_day,
        "rule": row.rule_id,
        "is_unsent": row.is_unsent,
        "limits": [limits.rpm or 0, limits.tpm or 0, limits.rpd or 0],
        "is_replaced": is_replaced,
    }
    return [*told, more]


def _write_usage(usage: Usage | None) -> list[int]:
    if usage is None:
        return []
    return [
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.thought_tokens,
    ]


def read_lease(row: Sequence[bytes]) -> LeaseRow:
    """Return a lease that was granted."""
    lease, key_id, project, alias, secret, proxy, use_by, expires, not_before, tags = row
    return LeaseRow(
        raw_id=lease.decode(),
        key_id=key_id.decode(),
        project_id=project.decode(),
        alias=alias.decode(),
        sealed_secret=secret,
        sealed_proxy=proxy,
        use_by=_from_ms(use_by),
        expire_time=_from_ms(expires),
        not_before=maybe_from_ms(not_before),
        tags=read_tags(tags),
    )


# The leases of a block share their times.
_from_ms = lru_cache(64)(from_ms)


def read_tags(packed: bytes) -> tuple[str, ...]:
    """Return the tags of a key."""
    return tuple(orjson.loads(packed)) if packed else ()


def read_refusal(row: Sequence[bytes]) -> Refusal | None:
    """Return why leases were not granted."""
    if not row:
        return None
    reason, retry_at, target = row
    return Refusal(RefusalReason[reason.decode()], maybe_from_ms(retry_at), target.decode())


def read_withdrawals(row: Sequence[Any]) -> Withdrawals:
    """Return what was withdrawn."""
    epoch, everything, *what = row
    keys, model_projects = [], []
    for entry in texts(what):
        if entry.startswith("k"):
            keys.append(entry[1:])
        else:
            project, _, model = entry[1:].partition("/")
            model_projects.append((project, model))
    return Withdrawals(int(epoch), bool(everything), tuple(keys), tuple(model_projects))


def read_standing(row: Sequence[Any]) -> StandingRow:
    """Return how a project stands."""
    project, score, live_keys, in_flight, full, cool_until, flags, project_cool_until, fits = row[
        :9
    ]
    *windows, pace, keys = row[9:]
    return StandingRow(
        project_id=project.decode(),
        score=float(score),
        live_keys=live_keys,
        in_flight=in_flight,
        is_full=bool(full),
        cool_until=maybe_from_ms(cool_until),
        is_guess=bool(flags & _GUESSED),
        is_absent=bool(flags & _ABSENT),
        project_cool_until=maybe_from_ms(project_cool_until),
        fits_at=maybe_from_ms(fits),
        windows=tuple(
            Window(kind, int(float(limit)), int(float(used)), bool(learned))
            for kind, (limit, used, learned) in zip(WindowKind, windows, strict=True)
            if float(limit) >= 0
        ),
        pace=Pace(int(float(pace[0])), from_ms(pace[1])) if pace else None,
        keys=tuple(
            BoundKey(key_id.decode(), project.decode(), read_tags(tags), proxy)
            for key_id, proxy, tags in keys
        ),
    )
