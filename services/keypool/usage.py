"""What was used: which buckets of time answer a question, and their sums."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Protocol

from services.keypool.quota_day import PACIFIC, ends_of_day
from services.kit.errors import InvalidRequestError

MINUTES_KEPT = timedelta(hours=2)
HOURS_KEPT = timedelta(days=3)
DAYS_KEPT = timedelta(days=90)

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UsageGroup(Enum):
    """What is summed by; the values are the store's words."""

    MODEL = "m"
    KEY = "k"
    CLIENT = "c"


@dataclass(frozen=True, slots=True)
class UsageCounts:
    """Calls by their ends, and tokens as the upstream counted them."""

    successes: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0

    def __add__(self, other: "UsageCounts") -> "UsageCounts":
        return UsageCounts(
            self.successes + other.successes,
            self.failures + other.failures,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.thought_tokens + other.thought_tokens,
        )


@dataclass(frozen=True, slots=True)
class Bucket:
    """A span of time that is counted together.

    Attributes:
        unit: `m`, `h` or `d`, as the store calls minutes, hours and quota days.
        number: Minutes or hours since 1970, or the end of the quota day in ms since then.
    """

    unit: str
    number: int


class UsageStore(Protocol):
    """Where what was used is counted; outcomes are counted as they are settled."""

    async def now(self, pool: str) -> datetime:
        """Return the time by which a pool's outcomes are counted."""
        ...

    async def read(
        self, pool: str, buckets: Sequence[Bucket], group: UsageGroup
    ) -> Mapping[str, UsageCounts]:
        """Return the sums over buckets, by name. `*` stands for names too many to tell apart."""
        ...


class UsageBook:
    """Answers what was used."""

    def __init__(self, store: UsageStore) -> None:
        """Read a store."""
        self._store = store

    async def query(
        self, pool: str, start: datetime, end: datetime | None, group: UsageGroup
    ) -> list[tuple[str, UsageCounts]]:
        """Return what was used from `start` to `end`, by name, most calls first.

        The span is widened to whole minutes for the last two hours, to whole
        hours for the last three days, and to whole quota days before that.

        Raises:
            InvalidRequestError: The end does not come after the start.
        """
        now = await self._store.now(pool)
        end = min(end, now) if end else now
        if start >= end:
            raise InvalidRequestError("start_time", "must be past and before the end")
        sums = await self._store.read(pool, list(buckets_of(start, end, now)), group)
        return sorted(sums.items(), key=_by_size)


def buckets_of(start: datetime, end: datetime, now: datetime) -> Iterator[Bucket]:
    """Yield the finest buckets that still exist and cover a span; none overlap.

    Args:
        start: The beginning; what lies more than 90 days back is left out.
        end: The end, after the start.
        now: The present.
    """
    minutes_from = _round_up(now - MINUTES_KEPT, _HOUR)
    hours_from = ends_of_day(now - HOURS_KEPT, 1)[0]
    day_end = ends_of_day(max(start, now - DAYS_KEPT), 1)[0]
    while start < hours_from and _day_start(day_end) < min(end, hours_from):
        yield Bucket("d", int(day_end.timestamp() * 1000))
        day_end = ends_of_day(day_end, 1)[0]
    yield from _spans("h", _HOUR, max(start, hours_from), min(end, minutes_from))
    yield from _spans("m", _MINUTE, max(start, minutes_from), end)


def _spans(unit: str, length: timedelta, start: datetime, end: datetime) -> Iterator[Bucket]:
    if start >= end:
        return
    last = -((_EPOCH - end) // length)
    for number in range((start - _EPOCH) // length, last):
        yield Bucket(unit, number)


def _round_up(time: datetime, length: timedelta) -> datetime:
    return _EPOCH - (_EPOCH - time) // length * length


def _day_start(day_end: datetime) -> datetime:
    yesterday = day_end.astimezone(PACIFIC) - timedelta(days=1)
    # Wall time on purpose: days of a change of clocks have 23 or 25 hours.
    return yesterday.astimezone(UTC)


def _by_size(row: tuple[str, UsageCounts]) -> tuple[int, int, str]:
    name, counts = row
    tokens = counts.input_tokens + counts.output_tokens + counts.thought_tokens
    return -(counts.successes + counts.failures), -tokens, name
