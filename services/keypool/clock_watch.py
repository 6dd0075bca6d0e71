"""Noticing that the store's clock and ours part.

All quota is kept by the store's clock. When it jumps ahead, minutes and days end there
before they end at the upstream; that cannot be seen from inside the store.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from services.keypool import metrics
from services.kit.logs import get_logger

log = get_logger(__name__)

TOLERATED = timedelta(seconds=1)
"""By so much clocks may differ without anybody being told."""

SILENT_SECONDS = 60.0
"""After a line in the log no other follows for so long."""


def clock_offset(sent: datetime, told: datetime, received: datetime) -> timedelta:
    """Return by how much another clock is ahead of ours, at least; negative when it is behind.

    Args:
        sent: When it was asked, by our clock.
        told: What it said.
        received: When the answer came, by our clock.
    """
    return max(told - received, timedelta()) or min(told - sent, timedelta())


class ClockWatch:
    """Compares the store's clock with ours, and raises an alarm when they part."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start without any alarm.

        Args:
            monotonic: The seconds by which log lines are spaced.
        """
        self._monotonic = monotonic
        self._silent_until = 0.0

    def note(self, sent: datetime, told: datetime, received: datetime) -> None:
        """Take note of an answer of the store; see `clock_offset`."""
        ahead = clock_offset(sent, told, received)
        metrics.CLOCK_AHEAD.set(ahead.total_seconds())
        if abs(ahead) <= TOLERATED:
            return
        metrics.CLOCK_ALARMS.inc()
        now = self._monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SILENT_SECONDS
            log.warning(
                "the store's clock and this machine's differ: limits may be exceeded by as much",
                ahead_seconds=round(ahead.total_seconds(), 3),
            )
