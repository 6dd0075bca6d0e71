"""The head of a WAV file."""

import struct

_HEAD = 44
_UNKNOWN = 0xFFFF_FFFF
_PCM = 1
_SAMPLE_BYTES = 2


def wav_head(rate: int, size: int | None) -> bytes:
    """Return what precedes mono samples of 16 bits.

    Args:
        rate: Samples a second.
        size: Bytes of samples. None for a stream, whose length is told as the largest
            possible: players then read to its end.
    """
    if size is None or size > _UNKNOWN - _HEAD:
        riff = data = _UNKNOWN
    else:
        riff, data = _HEAD - 8 + size, size
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        riff,
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        1,
        rate,
        rate * _SAMPLE_BYTES,
        _SAMPLE_BYTES,
        8 * _SAMPLE_BYTES,
        b"data",
        data,
    )
