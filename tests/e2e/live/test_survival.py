"""Ten sessions of Google's own clients over two edges, while a key dies and an edge is killed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gemini_balance.keypool.v1 import admin_pb2

from tests.support.edge_process import edge_process
from tests.support.live import Front
from tests.support.live_lines import EndedError, Line, Lines, node_lines, python_lines
from tests.support.system import Pool, System
from tests.support.waiting import eventually

SESSIONS = 5


class Talker:
    """One session that takes turns until it is told to stop, or is ended."""

    def __init__(self, line: Line, key: str) -> None:
        self._line = line
        self._stop = asyncio.Event()
        self.key = key
        self.turns = 0
        self.close: tuple[int, str] | None = None

    async def run(self) -> None:
        try:
            while not self._stop.is_set():
                said = await self._line.ask(f"please repeat plum {self.turns}")
                assert f"plum {self.turns}" in said
                self.turns += 1
        except EndedError as error:
            self.close = (error.code, error.reason)

    async def goes_on(self) -> None:
        """Return once it has taken some more turns."""
        before = self.turns

        async def turns() -> int:
            assert self.close is None, self.close
            return self.turns

        await eventually(turns, lambda count: count > before + 3, seconds=30)

    def stop(self) -> None:
        self._stop.set()


async def talkers(system: System, pool: Pool, lines: Lines, url: str) -> list[Talker]:
    """Open sessions on an edge, each with a key of its own."""
    found = []
    for _ in range(SESSIONS):
        before = {one["key"] for one in await _sessions(system, pool)}
        line = await lines.open(url)
        [key] = {one["key"] for one in await _sessions(system, pool)} - before
        found.append(Talker(line, key))
    return found


async def _sessions(system: System, pool: Pool) -> list[dict[str, str]]:
    async with system.control() as control:
        return [one for one in await control.live_sessions() if one["key"] in pool.keys]


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(2 * SESSIONS)


@contextlib.asynccontextmanager
async def lines_of(client: str, pool: Pool, urls: list[str], folder: Path) -> AsyncIterator[Lines]:
    """Hold sessions by one of Google's clients."""
    if client == "node":
        async with node_lines(pool.token) as lines:
            yield lines
        return
    async with contextlib.AsyncExitStack() as stack:
        fronts = {}
        for number, url in enumerate(urls):
            front = Front(url, folder / f"front-{number}")
            fronts[url] = front, await stack.enter_async_context(front.running())
        yield await stack.enter_async_context(python_lines(pool.token, fronts))


@pytest.mark.parametrize("client", ["python", "node"])
async def test_those_on_other_keys_and_edges_notice_nothing(
    system: System, pool: Pool, tmp_path: Path, client: str
) -> None:
    async with (
        edge_process(system, tmp_path) as doomed,
        lines_of(client, pool, [system.url, doomed.url], tmp_path) as lines,
        asyncio.TaskGroup() as tasks,
    ):
        here = await talkers(system, pool, lines, system.url)
        there = await talkers(system, pool, lines, doomed.url)
        for each in (*here, *there):
            tasks.create_task(each.run())
        for each in (*here, *there):
            await each.goes_on()

        struck = here[0]
        async with system.control() as control:
            await control.put_key(struck.key, state="leaked")
        doomed.popen.kill()

        for each in here[1:]:
            await each.goes_on()
        for each in here:
            each.stop()

    assert struck.close
    assert struck.close[0] == 1011
    assert "Open the session again" in struck.close[1]
    assert [each.close for each in here[1:]] == [None] * (SESSIONS - 1)
    # Nobody is left who could say anything.
    assert [each.close[0] for each in there if each.close] == [1006] * SESSIONS
    # Google is told that nobody listens, the dead edge's leases lapse by themselves.
    await eventually(lambda: _sessions(system, pool), lambda found: not found)

    async def standing() -> tuple[list[int], set[admin_pb2.Key.State.ValueType]]:
        keys = await system.keys_of(pool)
        mine = [keys[each.key] for each in here]
        others = {keys[each.key].state for each in (*here[1:], *there)}
        return [key.in_flight_count for key in mine], others

    await eventually(standing, lambda seen: seen == ([0] * SESSIONS, {admin_pb2.Key.STATE_ACTIVE}))
    assert (await system.keys_of(pool))[struck.key].state == admin_pb2.Key.STATE_DEAD
    written = doomed.log.read_text()
    assert not [secret for secret in (pool.token, *pool.keys) if secret in written]
