"""One, two and four edges before one key pool."""

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.cores import ALL, pin
from bench.load.connection import Address
from bench.scenario import Scenario, Ways
from bench.scenarios import questions
from bench.scenarios.plain import COLUMNS, measure
from bench.stage import Stage
from bench.starting import start
from bench.target import Target
from bench.upstream.answers import MODEL
from tests.support.ports import free_port

_CONNECTIONS = 64


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


SCENARIOS = (
    Scenario(
        "edges",
        "edge",
        "Gemini plain, 64 at once, by 1, 2 and 4 edges before one key pool",
        COLUMNS,
        open_edges,
        compared="requests/s",
    ),
)
