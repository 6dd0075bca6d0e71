"""Kill -9 of the key pool under load: nobody notices, and nothing is miscounted."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.load import ASK, GENERATE, Load
from tests.support.system import Pool, System, running_simulator_process, system_beside
from tests.support.waiting import eventually


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[System]:
    """A system that nobody else uses, so that it can be hurt."""
    folder = tmp_path / "own"
    folder.mkdir()
    with running_simulator_process(folder, SIMULATOR_CHUNK_DELAY_MS="30") as simulator_url:
        async with system_beside(folder, simulator_url) as system:
            yield system


async def pid_of(system: System, part: str) -> int:
    pid: int = (await asyncio.to_thread(lambda: system.run_file))["pids"][part]
    return pid


async def restarted(system: System, part: str, old: int) -> None:
    """Return once a part runs under another process id."""
    await eventually(lambda: pid_of(system, part), lambda pid: pid != old)


async def counted(system: System, pool: Pool) -> dict[str, int]:
    return {
        secret: key.success_count + key.failure_count
        for secret, key in (await system.keys_of(pool)).items()
    }


async def test_kill_of_the_key_pool_is_felt_by_nobody(own: System) -> None:
    pool = await own.new_pool(5)
    async with Load(own, pool.token) as load:
        await load.more(100)
        for _ in range(3):
            old = await pid_of(own, "keypool")
            os.kill(old, signal.SIGKILL)
            await restarted(own, "keypool", old)
            await load.more(200)

    assert load.failures == []
    async with own.control() as control:
        tally = await control.counts()
    sent = {key: tally.of(key).requests for key in pool.keys}
    # Nothing was settled twice, and nothing was forgotten.
    await eventually(lambda: counted(own, pool), lambda seen: seen == sent, seconds=20)
    await eventually(
        lambda: own.keys_of(pool),
        lambda keys: all(key.in_flight_count == 0 for key in keys.values()),
    )


async def test_requests_go_on_for_as_long_as_the_key_pool_is_away(own: System) -> None:
    pool = await own.new_pool(3)
    async with own.client(pool) as client:
        assert (await client.post(GENERATE, json=ASK)).status_code == 200
        stopped = await pid_of(own, "keypool")
        # Stopped, not killed: it accepts connections and answers nothing.
        os.kill(stopped, signal.SIGSTOP)
        try:
            answers = [await client.post(GENERATE, json=ASK) for _ in range(6)]
            ready = await client.get("/readyz")
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert {answer.status_code for answer in answers} == {200}
        assert "away" in ready.json()["parts"]["keypool"]

        async def note() -> str:
            parts: dict[str, str] = (await client.get("/readyz")).json()["parts"]
            return parts["keypool"]

        await eventually(note, lambda text: text == "ok", seconds=20)
    async with own.control() as control:
        tally = await control.counts()
    sent = {key: tally.of(key).requests for key in pool.keys}
    assert sum(sent.values()) == 7
    await eventually(lambda: counted(own, pool), lambda seen: seen == sent, seconds=20)
