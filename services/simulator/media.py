"""Small pictures and sounds, real enough for any decoder."""

import functools
import math
import struct
import zlib

SAMPLE_RATE = 24000
_TONE = 220
_SIDE = 64


@functools.lru_cache(maxsize=64)
def png(red: int, green: int, blue: int, aspect_ratio: str = "1:1") -> bytes:
    """Return a picture of one colour as PNG.

    Args:
        red: 0 to 255.
        green: 0 to 255.
        blue: 0 to 255.
        aspect_ratio: Width to height, such as `16:9`; the shorter side has 64 pixels.
    """
    width, height = _size(aspect_ratio)
    row = b"\0" + bytes((red, green, blue)) * width
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(row * height))
        + _chunk(b"IEND", b"")
    )


def _size(aspect_ratio: str) -> tuple[int, int]:
    width, _, height = aspect_ratio.partition(":")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        return _SIDE, _SIDE
    scale = _SIDE / min(int(width), int(height))
    return round(int(width) * scale), round(int(height) * scale)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tone(seconds: float) -> bytes:
    """Return a quiet tone as 16-bit little-endian mono PCM of 24,000 samples a second."""
    samples = int(seconds * SAMPLE_RATE)
    period = _second()
    return (period * (samples // SAMPLE_RATE + 1))[: samples * 2]


@functools.cache
def _second() -> bytes:
    turn = 2 * math.pi * _TONE / SAMPLE_RATE
    return struct.pack(
        f"<{SAMPLE_RATE}h", *(round(2000 * math.sin(turn * n)) for n in range(SAMPLE_RATE))
    )
