"""What processes cost: CPU time and memory, read from the system's own accounts."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.02


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds now, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def children_of(pid: int) -> dict[str, int]:
    """Return the processes below one by the module they run, such as `services.edge`."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if b"-m" in command:
                found[command[command.index(b"-m") + 1].decode()] = int(child)
            found |= children_of(int(child))
    return found


@dataclass
class Cost:
    """What some processes cost over a time.

    Attributes:
        seconds: How long it was.
        cpu: CPU seconds of each.
        idle: Bytes held by each at the beginning.
        peak: Most bytes held by each.
    """

    seconds: float = 0
    cpu: dict[str, float] = field(default_factory=dict)
    idle: dict[str, int] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)

    def rise(self, name: str) -> int:
        """Return by how many bytes a process rose above its beginning."""
        return self.peak[name] - self.idle[name]


@contextlib.contextmanager
def watched(processes: Mapping[str, int]) -> Iterator[Cost]:
    """Measure processes, by names of our choice, for the length of the block."""
    cost = Cost(idle={name: resident_bytes(pid) for name, pid in processes.items()})
    cost.peak = dict(cost.idle)
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    done = threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            for name, pid in processes.items():
                cost.peak[name] = max(cost.peak[name], resident_bytes(pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    began = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - began
        done.set()
        sampler.join()
        cost.cpu = {name: cpu_seconds(pid) - before[name] for name, pid in processes.items()}
