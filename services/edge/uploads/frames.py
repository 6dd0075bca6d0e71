"""Pieces of a body, as they arrive, into frames of one size."""

from collections.abc import Iterator

FRAME_BYTES = 256 * 1024


class Frames:
    """Joins small pieces and cuts large ones; each byte is copied at most twice."""

    def __init__(self, size: int = FRAME_BYTES) -> None:
        """Make frames of `size` bytes."""
        self._size = size
        self._buffer = bytearray(size)
        self._held = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the frames that are full with a piece."""
        rest = memoryview(piece)
        while rest:
            if not self._held and len(rest) >= self._size:
                yield bytes(rest[: self._size])
                rest = rest[self._size :]
                continue
            part = rest[: self._size - self._held]
            self._buffer[self._held : self._held + len(part)] = part
            self._held += len(part)
            rest = rest[len(part) :]
            if self._held == self._size:
                self._held = 0
                yield bytes(self._buffer)

    def rest(self) -> bytes:
        """Return what did not fill a frame, and hold nothing any more."""
        held, self._held = self._held, 0
        return bytes(self._buffer[:held])
