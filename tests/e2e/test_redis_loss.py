"""Redis dies, hangs, forgets everything or changes its master: no client notices."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.support.load import Load
from tests.support.system import Pool, System, running_simulator_process, system_beside
from tests.support.valkey import started_valkey
from tests.support.valkey_topologies import started_sentinels
from tests.support.waiting import eventually

KEYS = [f"AIzaLoss{secrets.token_hex(16)}" for _ in range(5)]


@contextlib.asynccontextmanager
async def a_system(folder: Path, **settings: str) -> AsyncIterator[System]:
    """Run a system that nobody else uses, with keys that its settings hold."""
    folder.mkdir()
    with running_simulator_process(folder, SIMULATOR_CHUNK_DELAY_MS="30") as simulator_url:
        async with system_beside(folder, simulator_url, **settings) as system:
            yield system


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[System]:
    """A system with its own Redis, so that both can be hurt."""
    async with a_system(tmp_path / "own") as system:
        yield system


async def pid_of(system: System, part: str) -> int:
    pid: int = (await asyncio.to_thread(lambda: system.run_file))["pids"][part]
    return pid


async def restarted(system: System, part: str, old: int) -> None:
    """Return once a part runs under another process id."""
    await eventually(lambda: pid_of(system, part), lambda pid: pid != old, seconds=20)


async def counts_agree(system: System, pool: Pool, *, seconds: float = 20) -> None:
    """Return once the key pool has counted each request that the upstream has seen."""
    async with system.control() as control:
        tally = await control.counts()
    sent = {key: tally.of(key).requests for key in pool.keys}

    async def counted() -> dict[str, int]:
        keys = await system.keys_of(pool)
        return {secret: key.success_count + key.failure_count for secret, key in keys.items()}

    await eventually(counted, lambda seen: seen == sent, seconds=seconds)


async def nothing_is_in_flight(system: System, pool: Pool) -> None:
    await eventually(
        lambda: system.keys_of(pool),
        lambda keys: all(key.in_flight_count == 0 for key in keys.values()),
    )


async def test_redis_killed_comes_back_with_its_data_and_nobody_notices(own: System) -> None:
    pool = await own.new_pool(5)
    async with Load(own, pool.token) as load:
        await load.more(100)
        for _ in range(2):
            old = await pid_of(own, "valkey")
            os.kill(old, signal.SIGKILL)
            await restarted(own, "valkey", old)
            await load.more(300)

    assert load.failures == []
    await counts_agree(own, pool)
    await nothing_is_in_flight(own, pool)


@pytest.mark.parametrize("seconds", [5, pytest.param(30, marks=pytest.mark.stress)])
async def test_redis_away_for_a_while_is_felt_by_nobody(own: System, seconds: float) -> None:
    pool = await own.new_pool(5)
    async with Load(own, pool.token) as load:
        await load.more(100)
        stopped = await pid_of(own, "valkey")
        os.kill(stopped, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
            await load.more(100)
        finally:
            os.kill(stopped, signal.SIGCONT)
        await load.more(300)

    assert load.failures == []
    await counts_agree(own, pool)
    await nothing_is_in_flight(own, pool)


async def test_redis_emptied_is_filled_again_from_the_settings(tmp_path: Path) -> None:
    with started_valkey() as store:
        async with (
            a_system(tmp_path / "own", REDIS_URL=store.url, API_KEYS=json.dumps(KEYS)) as system,
            Redis.from_url(store.url) as redis,
        ):
            token = system.secrets[1]
            async with Load(system, token) as load:
                await load.more(100)
                for _ in range(2):
                    await redis.flushall()
                    await load.more(300)

                    async def keys() -> int:
                        return len([name async for name in redis.scan_iter("gb:1:{default}:k:*")])

                    await eventually(keys, lambda count: count == len(KEYS))

            assert load.failures == []


async def test_a_change_of_the_master_is_felt_by_nobody(tmp_path: Path) -> None:
    with started_sentinels() as store:
        async with a_system(tmp_path / "own", REDIS_URL=store.url) as system:
            pool = await system.new_pool(5)
            async with Load(system, pool.token) as load:
                await load.more(100)
                old = store.master.port
                store.master.kill()
                await eventually(
                    lambda: asyncio.to_thread(store.master_port),
                    lambda port: port != old,
                    seconds=30,
                )
                await load.more(300)

            assert load.failures == []
            assert set(await system.keys_of(pool)) == set(pool.keys)
            await nothing_is_in_flight(system, pool)
