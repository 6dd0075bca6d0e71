"""Steps at intervals: one timer for all streams instead of a task for each."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

TICK = 0.001
"""Seconds; intervals are rounded to it."""

Step = Callable[[], bool]
"""Takes one step and says whether there are more."""


class Wheel:
    """Calls steps at their intervals. A late turn catches up, so that no stream drifts."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: defaultdict[int, list[tuple[Step, int]]] = defaultdict(list)
        self._turned = 0

    def add(self, step: Step, interval: float) -> None:
        """Call a step each `interval` seconds until it says that it was the last."""
        now = int(self._loop.time() / TICK)
        ticks = max(1, round(interval / TICK))
        if not self._slots:
            self._turned = now
            self._arm()
        self._slots[now + ticks].append((step, ticks))

    def _arm(self) -> None:
        self._loop.call_at((self._turned + 1) * TICK, self._turn)

    def _turn(self) -> None:
        now = int(self._loop.time() / TICK)
        while self._turned < now:
            self._turned += 1
            for step, ticks in self._slots.pop(self._turned, ()):
                if step():
                    self._slots[self._turned + ticks].append((step, ticks))
        if self._slots:
            self._arm()
