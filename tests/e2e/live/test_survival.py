"""Ten sessions over two edges, while one key dies and one edge is killed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gemini_balance.keypool.v1 import admin_pb2
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.support.edge_process import edge_process
from tests.support.live import ask, bare, begin
from tests.support.system import Pool, System
from tests.support.waiting import eventually

SESSIONS = 5


class Talker:
    """One session that takes turns until it is told to stop, or is ended."""

    def __init__(self, connection: ClientConnection, key: str) -> None:
        self._connection = connection
        self._stop = asyncio.Event()
        self.key = key
        self.turns = 0
        self.close: tuple[int, str] | None = None

    async def run(self) -> None:
        try:
            while not self._stop.is_set():
                said, _ = await ask(self._connection, f"please repeat plum {self.turns}")
                assert f"plum {self.turns}" in said
                self.turns += 1
        except ConnectionClosed as error:
            self.close = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")

    async def goes_on(self) -> None:
        """Return once it has taken some more turns."""
        before = self.turns

        async def turns() -> int:
            assert self.close is None, self.close
            return self.turns

        await eventually(turns, lambda count: count > before + 3, seconds=30)

    def stop(self) -> None:
        self._stop.set()


@contextlib.asynccontextmanager
async def talkers(system: System, pool: Pool, url: str) -> AsyncIterator[list[Talker]]:
    """Open sessions on an edge, each with a key of its own."""
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for _ in range(SESSIONS):
            before = {one["key"] for one in await _sessions(system, pool)}
            connection = await stack.enter_async_context(bare(url, pool.token))
            await begin(connection)
            [key] = {one["key"] for one in await _sessions(system, pool)} - before
            found.append(Talker(connection, key))
        yield found


async def _sessions(system: System, pool: Pool) -> list[dict[str, str]]:
    async with system.control() as control:
        return [one for one in await control.live_sessions() if one["key"] in pool.keys]


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(2 * SESSIONS)


async def test_those_on_other_keys_and_edges_notice_nothing(
    system: System, pool: Pool, tmp_path: Path
) -> None:
    async with (
        edge_process(system, tmp_path) as doomed,
        talkers(system, pool, system.url) as here,
        talkers(system, pool, doomed.url) as there,
        asyncio.TaskGroup() as tasks,
    ):
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
    assert [each.close for each in there] == [(1006, "")] * SESSIONS
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
