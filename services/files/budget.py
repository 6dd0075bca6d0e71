"""The memory for bytes on their way, shared by all uploads of the process.

The first buffer of a write is waited for, first come first served. A second one,
to read ahead, is taken only when it is free and nobody waits. Whoever waits holds
nothing, so nobody waits for each other.
"""

import asyncio
import contextlib
from collections import deque


class Budget:
    """So many bytes; every holder gives back what it took."""

    def __init__(self, size: int) -> None:
        """Share `size` bytes."""
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def used(self) -> int:
        """How many bytes are taken."""
        return self._size - self._free

    @property
    def is_contended(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting)

    async def take(self, size: int) -> int:
        """Wait for a share and return its size: never more than there is at all.

        The caller must hold no other share.
        """
        size = min(size, self._size)
        if self.take_spare(size):
            return size
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (size, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(size)
            else:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(entry)
                self._serve()
            raise
        return size

    def take_spare(self, size: int) -> bool:
        """Take a share if it is free and nobody waits."""
        if self._waiting or size > self._free:
            return False
        self._free -= size
        return True

    def give_back(self, size: int) -> None:
        """Return a share."""
        self._free += size
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= size
                turn.set_result(None)
