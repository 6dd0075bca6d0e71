"""Files to upload: the same each time, and no part of one is like another."""

import hashlib
import random
from pathlib import Path

_PAGE = 64 * 1024
_BLOCK = 16 * _PAGE
# Text, so that nobody takes it for anything else.
_FILLING = random.Random(1).randbytes(_PAGE // 2).hex().encode()[16:]


def write_sample(path: Path, size: int) -> str:
    """Write a file of so many bytes and return its SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, _BLOCK):
            block = sample(start, min(_BLOCK, size - start))
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def sample(start: int, size: int) -> bytes:
    """Return a part of the endless sample: pages that begin with their number."""
    first, last = start // _PAGE, (start + size) // _PAGE
    pages = b"".join(b"%015x\n" % number + _FILLING for number in range(first, last + 1))
    return pages[start - first * _PAGE :][:size]


def sample_sha256(size: int, first: int = 0) -> str:
    """Return the SHA-256 of a part of the endless sample in hexadecimal."""
    digest = hashlib.sha256()
    for start in range(first, first + size, _BLOCK):
        digest.update(sample(start, min(_BLOCK, first + size - start)))
    return digest.hexdigest()
