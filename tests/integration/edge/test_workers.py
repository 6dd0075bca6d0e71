"""Several edges on one port, as processes: they share, die, come back and drain."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.simulator.server import running_simulator
from services.simulator.settings import SimulatorSettings
from tests.support.edge import new_token
from tests.support.keypool import CREDENTIALS, running_keypool, secrets_of
from tests.support.load import ASK, GENERATE, STREAM
from tests.support.ports import free_port
from tests.support.system import clean_environment
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

COMMAND = Path(sys.executable).parent / "gemini-balance"
WORKERS = 2
START_SECONDS = 60.0


@dataclass
class Edge:
    """An edge of several workers, and what its clients need."""

    process: subprocess.Popen[bytes]
    port: int
    ops: httpx.AsyncClient
    headers: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        """Return the processes of the workers."""
        try:
            path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            return [int(pid) for pid in path.read_text().split()]
        except FileNotFoundError:
            return []

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=30)

    async def readiness(self) -> tuple[int, dict[str, str]]:
        try:
            answer = await self.ops.get("/readyz")
        except httpx.TransportError:
            return 0, {}
        return answer.status_code, answer.json()["parts"]

    async def count(self) -> float:
        """Return how many requests for answers were counted."""
        text = (await self.ops.get("/metrics")).text
        lines = [line for line in text.splitlines() if line.startswith("edge_requests_total{")]
        return sum(float(line.split()[-1]) for line in lines if 'route="method"' in line)

    async def until_ready(self) -> None:
        await eventually(self.readiness, lambda seen: seen[0] == 200, seconds=START_SECONDS)


def connections_of(pid: int, port: int) -> int:
    """Return how many connections of clients a process holds."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = {
        f"socket:[{row[9]}]"
        for row in rows
        if row[3] == "01" and int(row[1].rpartition(":")[2], 16) == port
    }
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(entry.readlink()) in established
    return found


def start(port: int, ops_port: int, **settings: Any) -> subprocess.Popen[bytes]:
    env = clean_environment(
        HTTP_HOST="127.0.0.1",
        HTTP_PORT=str(port),
        OPS_HOST="127.0.0.1",
        OPS_PORT=str(ops_port),
        SERVICE_CREDENTIAL=CREDENTIALS["edge"][0],
        **settings,
    )
    return subprocess.Popen(
        [str(COMMAND), "edge", "--workers", str(WORKERS)],
        env=env,
        # Where no .env lies.
        cwd=COMMAND.parent,
        stderr=subprocess.PIPE,
    )


@contextlib.asynccontextmanager
async def running(redis_url: str, *, chunk_delay_ms: float = 0) -> AsyncIterator[Edge]:
    upstream = SimulatorSettings(
        _env_file=None,
        simulator_port=0,
        simulator_chunk_delay_ms=chunk_delay_ms,
        drain_seconds=0,
    )
    async with (
        running_simulator(upstream) as google,
        running_keypool(redis_url, base_url=google.url) as keypool,
    ):
        await keypool.add_keys(*secrets_of(3))
        headers = {"authorization": f"Bearer {await new_token(keypool)}"}
        port, ops_port = free_port(), free_port()
        process = start(
            port,
            ops_port,
            KEYPOOL_TARGET=keypool.target,
            BASE_URL=google.url,
            DRAIN_SECONDS="20",
            LOG_LEVEL="WARNING",
        )
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ops_port}") as ops:
                edge = Edge(process, port, ops, headers)
                await edge.until_ready()
                yield edge
        finally:
            process.terminate()
            await asyncio.to_thread(process.communicate)


async def ask(client: httpx.AsyncClient, path: str = GENERATE) -> int:
    """Return the status of a whole answer."""
    answer = await client.post(path, json=ASK)
    assert "STOP" in answer.text
    return answer.status_code


async def test_connections_are_spread_and_counts_are_told_as_one(redis_url: str) -> None:
    async with running(redis_url) as edge, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(edge.client()) for _ in range(40)]

        codes = await asyncio.gather(*map(ask, clients))

        shares = [connections_of(pid, edge.port) for pid in edge.workers()]
        assert codes == [200] * 40
        assert len(shares) == WORKERS
        assert sum(shares) == 40
        # 40 fair coins fall so one-sidedly once in ten million times.
        assert min(shares) >= 4
        assert await edge.count() == 40
        assert (await edge.readiness())[1]["worker 2: keypool"] == "ok"


async def test_a_killed_worker_comes_back_and_others_serve_meanwhile(redis_url: str) -> None:
    async with running(redis_url) as edge:
        async with edge.client() as client:
            assert await ask(client) == 200
        counted = await edge.count()
        killed, other = edge.workers()

        os.kill(killed, signal.SIGKILL)
        await eventually(
            lambda: asyncio.to_thread(edge.workers), lambda pids: killed not in pids, seconds=20
        )
        # Before the next process is there: some of these wait for it, none fails.
        codes = []
        for _ in range(10):
            async with edge.client() as client:
                codes.append(await ask(client))

        assert codes == [200] * 10
        assert (await edge.readiness())[0] == 200
        await eventually(
            edge.readiness,
            lambda seen: seen[1].get("worker 1") == seen[1].get("worker 2") == "ok",
            seconds=START_SECONDS,
        )
        now = edge.workers()
        assert len(now) == WORKERS
        assert other in now
        assert killed not in now
        assert await edge.count() == counted + 10


async def test_no_request_is_lost_when_all_are_told_to_end(redis_url: str) -> None:
    async with running(redis_url, chunk_delay_ms=500) as edge, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(edge.client()) for _ in range(20)]
        asking = [asyncio.create_task(ask(client, STREAM)) for client in clients]
        pids = edge.workers()

        async def open_requests() -> float:
            text = (await edge.ops.get("/metrics")).text
            [line] = [line for line in text.splitlines() if line.startswith("edge_requests_open ")]
            return float(line.split()[-1])

        await eventually(open_requests, lambda count: count == 20)
        assert all(connections_of(pid, edge.port) for pid in pids)

        edge.process.terminate()
        await eventually(edge.readiness, lambda seen: seen[0] != 200)
        codes = await asyncio.gather(*asking)

        assert codes == [200] * 20
        assert await asyncio.to_thread(edge.process.wait, 30) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


async def test_workers_do_not_outlive_their_foreman(redis_url: str) -> None:
    async with running(redis_url) as edge:
        pids = edge.workers()
        assert len(pids) == WORKERS

        edge.process.kill()

        async def left() -> int:
            return sum(Path(f"/proc/{pid}").exists() for pid in pids)

        await eventually(left, lambda count: count == 0, seconds=30)


@pytest.mark.parametrize("taken", ["public", "ops"])
async def test_a_taken_port_is_told_before_any_worker_starts(redis_url: str, taken: str) -> None:
    async with running(redis_url) as edge:
        ops_port = edge.ops.base_url.port or 0
        ports = (edge.port, free_port()) if taken == "public" else (free_port(), ops_port)

        second = start(*ports, KEYPOOL_TARGET="127.0.0.1:1", LOG_AS_JSON="true")
        _, error = await asyncio.to_thread(second.communicate)

        assert second.returncode == 1
        assert b"Address already in use" in error
        assert b"starts its workers" not in error


def test_a_worker_that_cannot_start_ends_the_edge() -> None:
    # Workers bind nothing: a foreman without a library that an edge needs shows it.
    env = {"PYTHONPATH": "", "KEYPOOL_TARGET": "127.0.0.1:1"}
    code = (
        "import sys; from services.edge.workers import worker;"
        " worker._COMMAND = (sys.executable, '-c', 'raise SystemExit(3)');"
        " from services.edge.__main__ import main; sys.exit(main())"
    )
    settings = clean_environment(
        **env,
        HTTP_HOST="127.0.0.1",
        HTTP_PORT="0",
        OPS_HOST="127.0.0.1",
        OPS_PORT="0",
        EDGE_WORKERS="2",
        SERVICE_CREDENTIAL=CREDENTIALS["edge"][0],
    )

    done = subprocess.run(
        [sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "did not start: status 3" in done.stderr
