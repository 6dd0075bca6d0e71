"""Sessions that end, whoever ends them; no lease is left behind."""

import asyncio
import json
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.integration.edge.live.conftest import World
from tests.support.live import ask, bare, begin, hear, setup, turn
from tests.support.waiting import eventually


async def ended(connection: ClientConnection) -> tuple[int, str]:
    """Return how a session ends, whatever it says before."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            await connection.recv()
    assert caught.value.rcvd
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("how", ["close", "cut"])
async def test_a_client_that_leaves(world: World, edge: str, how: str) -> None:
    connection = await bare(edge, world.token)
    await begin(connection)
    await ask(connection, "hello")
    assert await world.in_flight() == 1

    if how == "close":
        await connection.close(1001, "bye")
    else:
        connection.transport.abort()

    await world.open_sessions(0)
    await world.settled(1)


@pytest.mark.parametrize("has_said", ["nothing", "setup"])
async def test_a_client_that_leaves_before_the_session(
    world: World, edge: str, has_said: str
) -> None:
    await world.google.add_fault("delay", delay_seconds=60)
    connection = await bare(edge, world.token)
    if has_said == "setup":
        await connection.send(setup())
        await eventually(world.in_flight, lambda count: count == 1)
    connection.transport.abort()

    await world.settled(0)


async def test_what_is_said_before_the_session_is_not_lost(world: World, edge: str) -> None:
    async with bare(edge, world.token) as connection:
        await connection.send(setup())
        await connection.send(turn("please repeat plum"))
        await connection.send(turn("please repeat damson"))
        said = "".join([str(await hear(connection)) for _ in range(9)])

    assert "plum" in said
    assert "damson" in said
    await world.settled(1)


async def test_a_stopping_edge_warns_and_then_closes(world: World) -> None:
    async with world.edge(drain_seconds=3) as edge:
        connection = await bare(edge, world.token)
        await begin(connection)
        await ask(connection, "hello")

    # The edge has ended; what it said is still to be read.
    warning = await hear(connection)
    code, reason = await ended(connection)

    assert 0 < float(warning["goAway"]["timeLeft"].removesuffix("s")) <= 2
    assert (code, "restarting" in reason) == (1012, True)
    await world.settled(1)
    await world.open_sessions(0)


async def test_a_session_goes_on_while_the_edge_drains(world: World) -> None:
    stopping = asyncio.Event()

    async def talk(edge: str) -> str:
        async with bare(edge, world.token) as connection:
            await begin(connection)
            stopping.set()
            assert "goAway" in await hear(connection)
            return (await ask(connection, "please repeat plum"))[0]

    async with world.edge(drain_seconds=30) as edge:
        talking = asyncio.create_task(talk(edge))
        await stopping.wait()

    assert "plum" in await talking
    await world.settled(1)


async def test_silence_ends_a_session(world: World) -> None:
    async with world.edge(live_idle_seconds=0.5) as edge, bare(edge, world.token) as connection:
        await begin(connection)

        assert await ended(connection) == (1008, "Nothing was sent for 0.5 seconds.")

    await world.settled(1)


@pytest.mark.parametrize("side", ["client", "upstream"])
async def test_a_message_beyond_the_limit_ends_a_session(world: World, side: str) -> None:
    if side == "upstream":
        await world.google.add_fault("live_flood", megabytes=1)
    async with (
        world.edge(live_max_message_bytes=40_000) as edge,
        bare(edge, world.token) as connection,
    ):
        await connection.send(setup())
        if side == "client":
            assert await hear(connection) == {"setupComplete": {}}
            await connection.send(turn("x" * 50_000))
        code, _ = await ended(connection)

    assert code == (1009 if side == "client" else 1011)
    await world.settled(1)
    await world.open_sessions(0)


async def test_more_sessions_than_one_process_relays(world: World) -> None:
    async with world.edge(live_max_sessions=1) as edge, bare(edge, world.token) as first:
        await begin(first)
        async with bare(edge, world.token) as second:
            assert (await ended(second))[0] == 1013
        assert "plum" in (await ask(first, "please repeat plum"))[0]

    await world.settled(1)


async def test_a_key_taken_out_of_use_ends_its_sessions_alone(world: World, edge: str) -> None:
    async with bare(edge, world.token) as connection, bare(edge, world.token) as other:
        await begin(connection)
        [session] = await world.open_sessions(1)
        await begin(other)
        key_id = world.keys[session["key"]]

        # No request passes meanwhile that would bring the news.
        await world.keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=key_id))
        async with asyncio.timeout(30):
            code, reason = await ended(connection)

        assert (code, "Open the session again" in reason) == (1011, True)
        assert "plum" in (await ask(other, "please repeat plum"))[0]
    await world.settled(2)


async def test_a_slow_client_slows_google(world: World, edge: str) -> None:
    await world.google.add_fault("live_flood", megabytes=32)
    async with bare(edge, world.token, max_queue=1) as connection:
        await connection.send(setup())
        assert "setupComplete" in await hear(connection)
        [session] = await world.open_sessions(1)

        # Nothing is read here, so in the end nothing is said there.
        async def said() -> int:
            return int((await world.google.live_sessions())[0]["said"])

        last, seen = -1, await said()
        while last != seen:
            last = seen
            await asyncio.sleep(0.3)
            seen = await said()

        assert 0 < seen < 32 * 16 // 2
        for _ in range(32 * 16):
            await connection.recv()
        assert "plum" in (await ask(connection, "please repeat plum"))[0]
    assert session["said"] <= seen


async def test_a_slow_google_slows_the_client(world: World, edge: str) -> None:
    await world.google.add_fault("live_deaf")
    message = json.dumps({"realtimeInput": {"audio": {"mimeType": "a/b", "data": "A" * 250_000}}})
    sent = 0

    async def send(connection: ClientConnection) -> None:
        nonlocal sent
        while sent < 200:
            await connection.send(message)
            sent += 1

    async with bare(edge, world.token) as connection:
        await begin(connection)
        sending = asyncio.create_task(send(connection))
        await eventually(_stuck(lambda: sent), lambda stuck: stuck, seconds=30)
        assert 0 < sent < 150
        await world.google.clear_faults()
        await sending
        [session] = await eventually(
            world.google.live_sessions, lambda found: found[0]["heard"] == 200, seconds=30
        )
    assert session["heard"] == 200


def _stuck(read: Any) -> Any:
    """Return what tells whether a number has stopped growing."""

    async def look() -> bool:
        before: int = read()
        await asyncio.sleep(0.3)
        now: int = read()
        return 0 < before == now

    return look
