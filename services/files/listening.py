"""How long writers are listened to: not while they are silent, and not once the service ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from services.files.errors import ServiceEndsError, WriterSilentError

T = TypeVar("T")


class Listening:
    """The patience that all writers of the process share."""

    def __init__(self, *, idle_seconds: float, end_seconds: float) -> None:
        """Listen to writers.

        Args:
            idle_seconds: Longest silence of a writer.
            end_seconds: How long writers may go on to the next boundary once the service ends.
        """
        self._idle_seconds = idle_seconds
        self._end_seconds = end_seconds
        self._until: float | None = None
        # What is waited for, and whether it is at a boundary.
        self._waits: dict[asyncio.Timeout, bool] = {}

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
        deadline = asyncio.get_running_loop().time() + self._idle_seconds
        if self._until is not None:
            if at_boundary:
                raise ServiceEndsError
            deadline = min(deadline, self._until)
        try:
            async with asyncio.timeout_at(deadline) as wait:
                self._waits[wait] = at_boundary
                try:
                    return await anext(frames, None)
                finally:
                    del self._waits[wait]
        except TimeoutError:
            if self._until is not None:
                raise ServiceEndsError from None
            raise WriterSilentError(self._idle_seconds) from None

    def end(self) -> None:
        """Say that the service ends: writers at a boundary stop now, others there or soon."""
        now = asyncio.get_running_loop().time()
        self._until = now + self._end_seconds
        for wait, at_boundary in self._waits.items():
            wait.reschedule(now if at_boundary else min(wait.when() or now, self._until))
