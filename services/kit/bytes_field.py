"""Messages that are one field of bytes, in their wire form.

The generated code copies such bytes twice on the way in, and on the way out grows its buffer in
steps, which for 256 KiB takes sixty times as long as the one copy that is needed.
"""

from collections.abc import Iterable

Piece = bytes | bytearray | memoryview

_LEN = 2
"""The wire type of a field with a length before it."""


def write_bytes_field(number: int, pieces: Iterable[Piece]) -> bytes:
    """Return the wire form of a message whose only field holds the bytes of some pieces.

    Args:
        number: Of the field, 1 to 15.
        pieces: The bytes, in their order.
    """
    pieces = tuple(pieces)
    size = sum(map(len, pieces))
    head = bytearray([number << 3 | _LEN])
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return b"".join((head, *pieces))


def read_bytes_field(number: int, wire: bytes) -> memoryview | None:
    """Return the bytes of a message where they are; None when there is more to it.

    Args:
        number: Of the field, 1 to 15.
        wire: The message.
    """
    if not wire or wire[0] != number << 3 | _LEN:
        return None
    size = 0
    for at, byte in enumerate(wire[1:6]):
        size |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            content = memoryview(wire)[at + 2 :]
            return content if len(content) == size else None
    return None
