"""One, two and four edges before one key pool, and one edge for a million requests."""

import itertools
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.cores import ALL, pin
from bench.load.connection import Address
from bench.processes import resident_bytes
from bench.scenario import Column, Sample, Scenario, Ways
from bench.scenarios import questions
from bench.scenarios.plain import COLUMNS, measure
from bench.stage import Stage
from bench.starting import start
from bench.stats import slope
from bench.target import Target
from bench.upstream.answers import MODEL
from tests.support.system import free_port

_CONNECTIONS = 64
_SOAK_STEPS = 20
_SOAK_STEP = 50_000


def open_edges(stage: Stage, stack: ExitStack) -> Ways:
    """Prepare edges beside each other, on all cores but the first; with two cores, on one."""
    product = stage.product(stage.upstream())[1]
    question = questions.gemini(MODEL)
    request = product.request("gemini", question)
    ways = {}
    for count in (1, 2, 4):
        address, pids = _start_edges(stage, stack, product.processes["edge"][0], count)
        pin(pids, ALL - {min(ALL)} or ALL)
        target = Target(address, {**product.processes, "edge": pids})
        ways[f"{count} edge{'s' * (count > 1)}"] = partial(
            measure, stage, target, request, question.check, connections=_CONNECTIONS
        )
    return ways


def _start_edges(
    stage: Stage, stack: ExitStack, like: int, count: int
) -> tuple[Address, list[int]]:
    """Start edges with the settings of another, and return where they listen and what they are."""
    given = Path(f"/proc/{like}/environ").read_bytes().decode().split("\0")
    env = dict(line.split("=", 1) for line in given if line)
    ports = tuple(free_port() for _ in range(count))
    pids = []
    for port in ports:
        own = env | {"HTTP_PORT": str(port), "OPS_PORT": str(free_port())}
        command = (sys.executable, "-m", "services.edge")
        process = start(stack, stage.folder, "edge", *command, port=port, **own)
        pids.append(process.popen.pid)
    return Address("127.0.0.1", ports), pids


def open_soak(stage: Stage, _: ExitStack) -> Ways:
    """Prepare a million requests."""
    product = stage.product(stage.upstream())[1]
    question = questions.gemini(MODEL)
    request = product.request("gemini", question)

    def soak() -> Sample:
        sizes = []
        for _ in range(_SOAK_STEPS):
            measure(
                stage,
                product,
                request,
                question.check,
                connections=_CONNECTIONS,
                at_most=_SOAK_STEP,
                seconds=3600,
            )
            sizes.append(sum(map(resident_bytes, product.processes["edge"])) / 1e3)
        # The first quarter fills pools and caches.
        counts = list(itertools.accumulate([_SOAK_STEP / 1e6] * _SOAK_STEPS))
        warm = _SOAK_STEPS // 4
        return {
            "first MB": sizes[0] / 1e3,
            "last MB": sizes[-1] / 1e3,
            "growth KB a million": slope(counts[warm:], sizes[warm:]),
        }

    return {"gemini-balance": soak}


SCENARIOS = (
    Scenario(
        "edges",
        "edge",
        "Gemini plain, 64 at once, by 1, 2 and 4 edges before one key pool",
        COLUMNS,
        open_edges,
        compared="requests/s",
    ),
    Scenario(
        "soak",
        "edge",
        "Gemini plain, 64 at once, a million requests: does the edge grow",
        (Column("first MB", 1), Column("last MB", 1), Column("growth KB a million")),
        open_soak,
        only_when_named=True,
        rounds=1,
        warms_up=False,
    ),
)
