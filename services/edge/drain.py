"""Streams that outlive the time given to them when the edge is stopped."""

import asyncio
import contextlib
from collections.abc import Iterator

from services.edge import metrics


class Drain:
    """Knows the open streams, so that they can be told instead of cut."""

    def __init__(self) -> None:
        """Start without any."""
        self._tasks: set[asyncio.Task[object]] = set()
        self.interrupted = False

    @contextlib.contextmanager
    def stream(self) -> Iterator[None]:
        """Count the running task as an open stream."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        metrics.STREAMS.inc()
        try:
            yield
        finally:
            self._tasks.discard(task)
            metrics.STREAMS.dec()

    def interrupt(self) -> None:
        """End all open streams; each tells its client in its own dialect."""
        self.interrupted = True
        for task in self._tasks:
            task.cancel()
