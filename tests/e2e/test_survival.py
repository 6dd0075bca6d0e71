"""Kill -9 of the key pool under load: nobody notices, and nothing is miscounted."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.system import Pool, System, running_simulator_process, system_beside
from tests.support.waiting import eventually

MODEL = "gemini-2.5-flash"
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent"
CHAT = "/v1/chat/completions"
ASK = {"contents": [{"role": "user", "parts": [{"text": "a long tale of a heron " * 20}]}]}


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[System]:
    """A system that nobody else uses, so that it can be hurt."""
    folder = tmp_path / "own"
    folder.mkdir()
    with running_simulator_process(folder, SIMULATOR_CHUNK_DELAY_MS="30") as simulator_url:
        async with system_beside(folder, simulator_url) as system:
            yield system


class Load:
    """Clients that ask one question after the other until told to stop."""

    def __init__(self, system: System, pool: Pool) -> None:
        self._client = system.client(pool, limits=httpx.Limits(max_connections=200))
        self._stop = asyncio.Event()
        self.answered = 0
        self.failures: list[str] = []

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(self._plain()) for _ in range(12)]
        self._tasks += [asyncio.create_task(self._streamed()) for _ in range(8)]
        self._tasks += [asyncio.create_task(self._chat()) for _ in range(4)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def more(self, count: int) -> None:
        """Return once so many further requests have been answered."""
        goal = self.answered + count
        await eventually(self._progress, lambda answered: answered >= goal, seconds=60)

    async def _progress(self) -> int:
        return self.answered

    async def _plain(self) -> None:
        while not self._stop.is_set():
            answer = await self._client.post(GENERATE, json=ASK)
            self._count(answer, "finishReason")

    async def _streamed(self) -> None:
        while not self._stop.is_set():
            answer = await self._client.post(STREAM, json=ASK)
            self._count(answer, '"finishReason"')

    async def _chat(self) -> None:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": True}
        while not self._stop.is_set():
            answer = await self._client.post(CHAT, json=body)
            self._count(answer, "[DONE]")

    def _count(self, answer: httpx.Response, ending: str) -> None:
        if answer.status_code != 200 or ending not in answer.text or '"error"' in answer.text:
            self.failures.append(f"{answer.status_code} {answer.text[:300]}")
        self.answered += 1


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
    async with Load(own, pool) as load:
        await load.more(100)
        for _ in range(3):
            old = await pid_of(own, "keypool")
            os.kill(old, signal.SIGKILL)
            killed_at = time.monotonic()
            await restarted(own, "keypool", old)
            assert time.monotonic() - killed_at < 2
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
