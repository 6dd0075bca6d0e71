"""The simulator's time, which tests may move."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

DAY = 86400


class Clock:
    """Wall time plus an offset."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        """Follow `source`, which returns seconds since the epoch."""
        self._source = source
        self.offset_seconds = 0.0

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._source() + self.offset_seconds


def timestamp(seconds: float) -> str:
    """Return a time as Google writes it, such as `2026-07-03T08:47:27.467666Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def pacific_day(seconds: float) -> str:
    """Return the calendar day in US Pacific time, the day that daily quotas count by.

    The rule of 2007 is written out because slim systems have no time zone data.
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    # Clocks change at 02:00 local: 10:00 UTC into summer time, 09:00 UTC out of it.
    summer = _nth_sunday(moment.year, 3, 2) + timedelta(hours=10)
    winter = _nth_sunday(moment.year, 11, 1) + timedelta(hours=9)
    hours = -7 if summer <= moment < winter else -8
    return moment.astimezone(timezone(timedelta(hours=hours))).strftime("%Y-%m-%d")


def _nth_sunday(year: int, month: int, n: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (n - 1))
