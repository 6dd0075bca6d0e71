"""Memory for large pieces of bytes."""

import mmap

_LARGE = 1024 * 1024


def take(size: int) -> memoryview:
    """Return memory that goes back to the system as soon as nobody uses it.

    In huge pages where there are any: small ones cost more than the copy into them.
    """
    if size < _LARGE:
        return memoryview(bytearray(size))
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)
