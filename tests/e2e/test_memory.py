"""The whole is small, and no service grows with the requests that it has served."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.support.system import COMMAND, clean_environment, running, wait_for_file

TOKEN = "sk-memory-0123456789"
REQUESTS = int(os.environ.get("MEMORY_REQUESTS", "1000000"))
STREAMS = int(os.environ.get("MEMORY_STREAMS", "20000"))
ROUNDS = 10
CONNECTIONS = 64
MODEL = "/v1beta/models/gemini-2.5-flash"
WATCHED = ("edge", "keypool", "files")
# Memory that came and went leaves gaps; what grows keeps an object of 50 bytes or more each time.
NOISE_BYTES = 3 * 1024 * 1024
SERVICE_BYTES = 90 * 1024 * 1024
SYSTEM_BYTES = 350 * 1024 * 1024

pytestmark = [pytest.mark.stress, pytest.mark.timeout(3600)]


@dataclass
class Running:
    """An `up` over a bare upstream."""

    port: int
    pids: dict[str, int]

    def load(self, path: str, count: int) -> None:
        """Ask so many times."""
        subprocess.run(
            [
                *(sys.executable, "-m", "tests.support.raw_http", "load"),
                *(str(self.port), TOKEN, path, str(count), str(CONNECTIONS)),
            ],
            check=True,
            timeout=3000,
        )

    def memory(self) -> dict[str, int]:
        """Return the bytes that each service holds for itself."""
        return {name: held_bytes(self.pids[name], "Anonymous") for name in WATCHED}


def held_bytes(pid: int, what: str) -> int:
    """Return the memory of a process: `Rss`, or `Anonymous`, which is no file's."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    [row] = [row.split() for row in rows if row.startswith(f"{what}:")]
    return int(row[1]) * 1024


def slope(counts: list[int], sizes: list[int]) -> float:
    """Return by how much sizes grow with counts, by least squares."""
    mean_count, mean_size = sum(counts) / len(counts), sum(sizes) / len(sizes)
    rise = sum((c - mean_count) * (s - mean_size) for c, s in zip(counts, sizes, strict=True))
    return rise / sum((c - mean_count) ** 2 for c in counts)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Running]:
    upstream_port, port = free_port(), free_port()
    env: dict[str, Any] = clean_environment(
        API_KEYS=",".join(f"AIzaMemory{number:030d}" for number in range(20)),
        ALLOWED_TOKENS=TOKEN,
        BASE_URL=f"http://127.0.0.1:{upstream_port}",
        HTTP_PORT=str(port),
        OPS_PORT="0",
        # Other systems may start at this moment, and prefer the same ports.
        KEYPOOL_LISTEN=f"127.0.0.1:{free_port()}",
        FILES_LISTEN=f"127.0.0.1:{free_port()}",
        LOG_LEVEL="WARNING",
        DATA_DIR=str(tmp_path / "data"),
    )
    upstream = (sys.executable, "-m", "tests.support.raw_http", "upstream", str(upstream_port))
    with (
        running(*upstream, log=tmp_path / "upstream.log"),
        running(str(COMMAND), "up", log=tmp_path / "up.log", cwd=tmp_path, env=env),
    ):
        wait_for_file(tmp_path / "data" / "run.json")
        facts = json.loads((tmp_path / "data" / "run.json").read_text())
        yield Running(port, facts["pids"] | {"up": facts["pid"]})


def test_an_idle_system_is_small(up: Running) -> None:
    held = {name: held_bytes(pid, "Rss") for name, pid in up.pids.items()}

    assert all(held[name] < SERVICE_BYTES for name in WATCHED), held
    assert sum(held.values()) < SYSTEM_BYTES, held


@pytest.mark.parametrize(
    ("path", "count"),
    [(f"{MODEL}:generateContent", REQUESTS), (f"{MODEL}:streamGenerateContent?alt=sse", STREAMS)],
    ids=["requests", "streams"],
)
def test_no_service_grows_with_what_it_served(up: Running, path: str, count: int) -> None:
    served = [count * (number + 1) // ROUNDS for number in range(ROUNDS)]
    sizes: list[dict[str, int]] = []
    for _ in served:
        up.load(path, count // ROUNDS)
        sizes.append(up.memory())

    half = ROUNDS // 2
    grown = {}
    for name in WATCHED:
        held = [size[name] for size in sizes]
        # From the middle on, since the first half fills caches and pools.
        grown[name] = slope(served[half:], held[half:]) * count / 2
        print(name, [round(size / 1e6, 1) for size in held], f"{grown[name] / 1e6:+.2f} MB")
    assert all(growth < NOISE_BYTES for growth in grown.values()), grown
