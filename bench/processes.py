"""What processes cost: CPU time and memory, read from the system's own accounts."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SAMPLE_SECONDS = 0.02
_IDLE_SECONDS = 0.15
_LONGEST_WAIT_SECONDS = 3

Number = TypeVar("Number", int, float)

Processes = Mapping[str, Sequence[int]]
"""Process ids by names of our choice, such as `edge`."""


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds now, in bytes, shared pages included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def proportional_bytes(pid: int) -> int:
    """Return the same, with each page that several share divided among them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"the system tells no share of memory of process {pid}")


def family(pid: int, name: str) -> dict[str, list[int]]:
    """Return a process and all below it, by what they run.

    A module `services.x` is `x`, a Valkey is `redis`; others belong to whom they were started by.
    """
    found = {name: [pid]}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            # It may end while it is looked at.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for own, pids in family(int(child), _name(int(child)) or name).items():
                    found.setdefault(own, []).extend(pids)
    return found


def _name(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    if "valkey-server" in command[0]:
        return "redis"
    if "-m" in command:
        return command[command.index("-m") + 1].removeprefix("services.")
    return ""


@dataclass
class Cost:
    """What some processes cost over a time.

    Attributes:
        seconds: How long it was.
        cpu: CPU seconds of each name.
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
def watched(processes: Processes) -> Iterator[Cost]:
    """Measure processes for the length of the block, and until they have nothing left to do.

    What they do after the last answer, such as settling leases, belongs to its cost.
    """
    _wait_until_idle(processes)
    cost = Cost(idle=_each(processes, resident_bytes))
    cost.peak = dict(cost.idle)
    before = _each(processes, cpu_seconds)
    done = threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            for name, size in _each(processes, resident_bytes).items():
                cost.peak[name] = max(cost.peak[name], size)

    sampler = threading.Thread(target=sample)
    sampler.start()
    began = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - began
        done.set()
        sampler.join()
    _wait_until_idle(processes)
    cost.cpu = {name: used - before[name] for name, used in _each(processes, cpu_seconds).items()}


def _each(processes: Processes, tell: Callable[[int], Number]) -> dict[str, Number]:
    return {name: sum(map(tell, pids)) for name, pids in processes.items()}


def _wait_until_idle(processes: Processes) -> None:
    """Return once no process has used more than a tick of CPU for a moment."""
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while time.monotonic() < deadline:
        before = sum(_each(processes, cpu_seconds).values())
        time.sleep(_IDLE_SECONDS)
        if sum(_each(processes, cpu_seconds).values()) - before <= 1.5 / _TICKS:
            return
