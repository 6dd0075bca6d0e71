"""Requests that outlast the time given to them when the edge is stopped."""

import asyncio
import contextlib
from collections.abc import Iterator

from services.edge import metrics


class Drain:
    """Knows the open requests, so that their clients can be told instead of cut off.

    Attributes:
        interrupted: Whether the time is over.
        begun: Set once the edge is being stopped.
    """

    def __init__(self) -> None:
        """Start without any."""
        self._tasks: set[asyncio.Task[object]] = set()
        self.interrupted = False
        self.begun = asyncio.Event()
        self._ends_at = 0.0

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Count the running task as an open request for the length of the block."""
        task = _running()
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    @staticmethod
    @contextlib.contextmanager
    def stream() -> Iterator[None]:
        """Count a stream that is being passed on."""
        metrics.STREAMS.inc()
        try:
            yield
        finally:
            metrics.STREAMS.dec()

    def begin(self, seconds: float) -> None:
        """Note that the edge is being stopped, and interrupt what is left after so long."""
        loop = asyncio.get_running_loop()
        self._ends_at = loop.time() + seconds
        self.begun.set()
        loop.call_at(self._ends_at, self.interrupt)

    @property
    def seconds_left(self) -> float:
        """How long open requests may still go on, once it has begun."""
        return max(0.0, self._ends_at - asyncio.get_running_loop().time())

    def interrupt(self) -> None:
        """Cancel all open requests; each tells its client in its own dialect."""
        self.interrupted = True
        for task in self._tasks:
            task.cancel()

    def takes_over(self) -> bool:
        """Whether the running task was cancelled by `interrupt`; it may then go on to tell."""
        if self.interrupted:
            _running().uncancel()
        return self.interrupted


def _running() -> "asyncio.Task[object]":
    task = asyncio.current_task()
    assert task is not None
    return task
