"""Four key pools over one store, under load and killed: never over, and hardly under."""

import asyncio
import json
import os
import random
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import grpc.aio
import orjson
import pytest
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.keypool.redis_lease_store import RedisLeaseStore
from services.keypool.redis_scripts import RedisPort
from services.kit.redis_client import open_redis
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.orders import new_keys
from tests.contract.keypool.test_quota_use import worst_minute
from tests.support.keypool import CREDENTIALS, ENCRYPTION_KEY, duration
from tests.support.ports import free_port

BOOK = json.dumps(
    [{"name": name, "secret": secret, "scopes": s} for name, (secret, s) in CREDENTIALS.items()]
)
METADATA = (("authorization", f"Bearer {CREDENTIALS['edge'][0]}"),)
PROJECTS, RPM, TPM = 12, 40, 4000
WORKERS = 24
MINUTE = 60.5
"""The slack is half a second."""


class Pools:
    """Key pools as processes, each on a port of its own."""

    def __init__(self, redis_url: str) -> None:
        self.ports = [free_port() for _ in range(4)]
        self._redis_url = redis_url
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def start(self, port: int) -> None:
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "REDIS_URL": self._redis_url,
            "ENCRYPTION_KEY": ENCRYPTION_KEY,
            "SERVICE_CREDENTIALS": BOOK,
            "KEYPOOL_LISTEN": f"127.0.0.1:{port}",
            "OPS_HOST": "127.0.0.1",
            "OPS_PORT": "0",
            "LOG_LEVEL": "ERROR",
        }
        self._processes[port] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.keypool"), cwd=Path(__file__).parents[3], env=env
        )

    async def kill(self, port: int) -> None:
        process = self._processes[port]
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def end(self) -> None:
        for port in self.ports:
            await self.kill(port)


class Load:
    """Workers that always have something to send, and note when each request started."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self.starts: list[tuple[float, str, int]] = []
        self.refusals = 0
        self.lost = 0

    async def work(self, number: int, until: float) -> None:
        draw = random.Random(number)
        async with grpc.aio.insecure_channel(
            f"127.0.0.1:{self._ports[number % len(self._ports)]}"
        ) as channel:
            stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(channel)
            while time.time() < until:
                try:
                    await self._one(stub, draw, f"client-{number % 5}", until)
                except grpc.aio.AioRpcError:
                    # Killed: what it may have granted is lost to us, and counts all the same.
                    self.lost += 1
                    await asyncio.sleep(0.2)

    async def _one(self, stub: Any, draw: random.Random, client: str, until: float) -> None:
        tokens = draw.randint(1, 2 * TPM // RPM)
        order = pb.AcquireLeasesRequest(
            request_id=uuid.uuid4().hex,
            model="m",
            client_id=client,
            estimated_input_tokens=tokens,
            wait_budget=duration(20),
        )
        answer = await stub.AcquireLeases(order, timeout=5, metadata=METADATA)
        if not answer.leases:
            self.refusals += 1
            await asyncio.sleep(0.5)
            return
        [lease] = answer.leases
        outcome = pb.OUTCOME_SUCCEEDED
        chance = draw.random()
        if lease.HasField("not_before"):
            if chance < 0.1:
                outcome = pb.OUTCOME_UNUSED
            else:
                await asyncio.sleep(max(0, lease.not_before.ToNanoseconds() / 1e9 - time.time()))
        started = Timestamp()
        started.GetCurrentTime()
        if outcome != pb.OUTCOME_UNUSED:
            self.starts.append((started.ToNanoseconds() / 1e9, lease.project_id, tokens))
        if chance > 0.97:
            # The holder crashes: nobody settles.
            return
        settlement = pb.Settlement(lease_id=lease.lease_id, outcome=outcome)
        if outcome != pb.OUTCOME_UNUSED:
            settlement.started_at.CopyFrom(started)
            settlement.usage.input_tokens = tokens
        await stub.SettleLeases(
            pb.SettleLeasesRequest(settlements=[settlement]), timeout=5, metadata=METADATA
        )


@pytest.mark.stress
@pytest.mark.timeout(600)
async def test_four_pools_are_never_over_and_hardly_under(stores: Stores, redis_url: str) -> None:
    await stores.admin.create("default", new_keys([2] * PROJECTS))
    redis = open_redis(redis_url, name="stress")
    quotas: dict[Any, Any] = {
        f"p/p{project}/*": orjson.dumps({"rpm": RPM, "tpm": TPM}) for project in range(PROJECTS)
    }
    await redis.hset("gb:1:{default}:q", mapping=quotas)
    await RedisLeaseStore(RedisPort(redis)).quotas_changed("default")
    pools = Pools(redis_url)
    for port in pools.ports:
        await pools.start(port)
    load = Load(pools.ports)
    until = time.time() + 4 * MINUTE

    async def disturb() -> None:
        for port in pools.ports[:2]:
            await asyncio.sleep(1.2 * MINUTE)
            await pools.kill(port)
            await asyncio.sleep(3)
            await pools.start(port)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(disturb())
            for number in range(WORKERS * len(pools.ports)):
                tasks.create_task(load.work(number, until))
    finally:
        await pools.end()
        await redis.aclose()

    starts = sorted(load.starts)
    first = starts[0][0]
    requests = tokens = 0
    for project in {name for _, name, _ in starts}:
        own = [(at, size) for at, name, size in starts if name == project]
        assert worst_minute([(at, 1) for at, _ in own]) <= RPM
        assert worst_minute(own) <= TPM
        within = [size for at, size in own if first + MINUTE <= at < first + 3 * MINUTE]
        requests, tokens = requests + len(within), tokens + sum(within)
    share = max(requests / (2 * RPM * PROJECTS), tokens / (2 * TPM * PROJECTS))
    print(f"requests {requests}, tokens {tokens}, share {share:.3f}, refused {load.refusals}")
    # Holders that crash and slots given back late cost a little.
    assert share > 0.9
