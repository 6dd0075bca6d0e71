"""An event loop whose clock jumps to the next thing to do, so that waiting costs nothing."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


_LONGEST = 1_000_000
"""Whoever waits for so many seconds waits for ever, if something ticks beside it."""


class _JumpingSelector(selectors.DefaultSelector):
    """Passes time instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or self.now > _LONGEST:
            raise AssertionError("everybody waits for something that never comes")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Knows no time but that of its own timers; for code that reads the loop's clock."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine without spending time on its waits.

    Raises:
        AssertionError: It waits for something that never comes.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
