"""Which cores who runs on: what is measured on the last one, everything else on the others."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

ALL = frozenset(os.sched_getaffinity(0))
MEASURED = frozenset({max(ALL)})
OTHERS = ALL - MEASURED or ALL


def pin(pids: Iterable[int], cores: frozenset[int]) -> None:
    """Keep processes on some cores, with the threads they have and will have."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            # A thread may end meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cores)


@contextlib.contextmanager
def running_on(cores: frozenset[int]) -> Iterator[None]:
    """Run this thread, and what it starts, on some cores for the length of the block."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
