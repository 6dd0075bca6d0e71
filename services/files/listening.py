"""How long writers are listened to: not while they are silent, and not once the service ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from services.files.errors import ServiceEndsError, WriterSilentError
from services.kit.errors import ServiceError

T = TypeVar("T")

_TICK = 0.001
"""Timers may come so much too early, in seconds."""


class Listening:
    """The patience that all writers of the process share.

    Attributes:
        idle_seconds: Longest silence of a writer.
        until: Time of the loop's clock from which nobody is heard any more, once the service ends.
    """

    def __init__(self, *, idle_seconds: float, end_seconds: float) -> None:
        """Listen to writers.

        Args:
            idle_seconds: Longest silence of a writer.
            end_seconds: How long writers may go on to the next boundary once the service ends.
        """
        self.idle_seconds = idle_seconds
        self.until: float | None = None
        self._end_seconds = end_seconds
        self._ears: set[Ear] = set()

    @contextlib.contextmanager
    def ear(self) -> Iterator["Ear"]:
        """Return what hears one writer, in the running task, for the length of the block."""
        ear = Ear(self)
        self._ears.add(ear)
        try:
            yield ear
        finally:
            self._ears.discard(ear)
            ear.close()

    def end(self) -> None:
        """Say that the service ends: writers at a boundary stop now, others there or soon."""
        self.until = asyncio.get_running_loop().time() + self._end_seconds
        for ear in self._ears:
            ear.look()


class Ear:
    """Hears one writer.

    One timer watches over many frames: one for each would cost more than taking its bytes.
    """

    def __init__(self, listening: Listening) -> None:
        """Hear nothing yet."""
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelled = task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._timer: asyncio.TimerHandle | None = None
        self._since: float | None = None
        self._is_at_boundary = False
        self._cut: ServiceError | None = None

    async def hear(self, frames: AsyncIterator[T], *, at_boundary: bool) -> T | None:
        """Return the next frame, None at the end.

        Args:
            frames: Where it comes from.
            at_boundary: Whether the writer has brought nothing that is not safe, or whole
                granules alone, so that it may as well go on elsewhere.

        Raises:
            WriterSilentError: None came for too long.
            ServiceEndsError: The service ends.
        """
        now = self._loop.time()
        self._is_at_boundary = at_boundary
        if self._listening.until is not None and self._end(now) - now <= _TICK:
            raise ServiceEndsError
        self._since = now
        if self._timer is None:
            self.look()
        try:
            return await anext(frames, None)
        except asyncio.CancelledError:
            if self._cut is None or self._task.uncancel() > self._cancelled:
                # Cancelled by others too, it is not ours to tell.
                raise
            raise self._cut from None
        finally:
            self._since = None

    def look(self) -> None:
        """Cut the writer off if its time is over, else look again when it may be."""
        self.close()
        if self._since is None or self._cut is not None:
            return
        end = self._end(self._since)
        if end - self._loop.time() > _TICK:
            self._timer = self._loop.call_at(end, self.look)
            return
        idle = self._listening.idle_seconds
        is_ending = self._listening.until is not None
        self._cut = ServiceEndsError() if is_ending else WriterSilentError(idle)
        self._task.cancel()

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, since: float) -> float:
        """Return when a writer that has been silent since a time is heard no more."""
        until, end = self._listening.until, since + self._listening.idle_seconds
        if until is None:
            return end
        return self._loop.time() if self._is_at_boundary else min(end, until)
