"""Pieces of a body, as they arrive, gathered into the frames of a write."""

from collections.abc import Iterator, Sequence

from services.kit.bytes_field import Piece

FRAME_BYTES = 256 * 1024

_SMALL = 4 * 1024

Frame = Sequence[Piece]
"""The bytes of one frame, in their order."""


class Frames:
    """Gathers pieces where they are: a frame is copied once, when it is sent."""

    def __init__(self, size: int = FRAME_BYTES) -> None:
        """Make frames of at least `size` bytes, and less than twice as many."""
        self._size = size
        self._pieces: list[Piece] = []
        self._held = 0

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """Yield the frames that are full with a piece."""
        view = memoryview(piece)
        for start in range(0, len(view), self._size):
            self._add(view[start : start + self._size])
            if self._held >= self._size:
                yield self.rest()

    def rest(self) -> Frame:
        """Return what did not fill a frame, and hold nothing any more."""
        pieces, self._pieces, self._held = self._pieces, [], 0
        return pieces

    def _add(self, part: memoryview) -> None:
        self._held += len(part)
        if len(part) >= _SMALL:
            self._pieces.append(part)
        elif self._pieces and isinstance(last := self._pieces[-1], bytearray):
            last += part
        else:
            # Small pieces share one buffer: each of its own takes more than its bytes.
            self._pieces.append(bytearray(part))
