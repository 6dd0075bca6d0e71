"""A granule: the bytes of one request to Google while they gather."""

from services.files import memory


class Granule:
    """Bytes from `start` on, in memory but for the first `stored`, which lie in the store.

    Attributes:
        start: Offset of its first byte in the file.
        filled: How many bytes it has.
        stored: So many of the first ones are not in memory.
    """

    __slots__ = ("_view", "capacity", "filled", "start", "stored")

    def __init__(self, start: int, capacity: int, *, stored: int = 0) -> None:
        """Make an empty granule, but for the bytes in the store."""
        self._view = memory.take(capacity)
        self.start = start
        self.capacity = capacity
        self.filled = self.stored = stored

    @property
    def end(self) -> int:
        """Offset of the byte after its last one."""
        return self.start + self.filled

    @property
    def room(self) -> int:
        """How many bytes still fit."""
        return self.capacity - self.filled

    def take(self, piece: memoryview) -> int:
        """Copy as much of `piece` as fits and return how much that was."""
        size = min(len(piece), self.room)
        self._view[self.filled : self.filled + size] = piece[:size]
        self.filled += size
        return size

    def view(self, start: int = 0) -> memoryview:
        """Return its bytes from `start` on, counted from its first one."""
        return self._view[start : self.filled]

    def unloaded(self) -> memoryview:
        """Return the place of the bytes that lie in the store."""
        return self._view[: self.stored]

    def free(self) -> None:
        """Let go of its memory, whoever still knows the granule; its bytes are gone."""
        self._view = memoryview(b"")

    def reuse(self, start: int) -> None:
        """Empty it for other bytes; nobody may read the old ones any more."""
        self.start, self.filled, self.stored = start, 0, 0


def regrouped(pieces: list[memoryview], start: int, capacity: int) -> list[Granule]:
    """Return the same bytes from `start` on in granules of `capacity`, the last one with room.

    New memory is taken: a connection that broke may still be reading the old.
    """
    granules = [Granule(start, capacity)]
    for piece in pieces:
        rest = piece
        while len(rest):
            if not granules[-1].room:
                granules.append(Granule(granules[-1].end, capacity))
            rest = rest[granules[-1].take(rest) :]
    if not granules[-1].room:
        granules.append(Granule(granules[-1].end, capacity))
    return granules
