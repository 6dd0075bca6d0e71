"""The lease of a session, at a real key pool."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.edge.keypool import Keypool
from services.edge.leasing.desk import LeaseDesk
from services.edge.leasing.lease import Need
from services.judging import Operation
from services.kit.health import Health
from tests.integration.edge.live.conftest import World
from tests.support.keypool import CREDENTIALS
from tests.support.live import TALK, bare, begin
from tests.support.waiting import eventually

LEASE_SECONDS = 2.0
NEED = Need("default", "c1", TALK, Operation.SESSION, from_stock=False)


@pytest.fixture
async def desk(world: World) -> AsyncIterator[LeaseDesk]:
    keypool = Keypool(world.keypool.target, CREDENTIALS["edge"][0])
    options = {"grace_seconds": 60.0, "lease_seconds": LEASE_SECONDS, "patience": 5.0}
    desk = LeaseDesk(keypool, Health(), **options)
    running = asyncio.create_task(desk.run())
    yield desk
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await desk.close(1)
    await keypool.close()


async def test_it_is_renewed_and_noticed_when_it_is_lost(
    world: World, desk: LeaseDesk, redis_url: str
) -> None:
    key = await desk.take(NEED)
    holding = asyncio.create_task(desk.until_lost(key))
    begun = time.monotonic()

    async def age() -> float:
        assert not holding.done()
        assert await world.in_flight() == 1
        return time.monotonic() - begun

    await eventually(age, lambda seconds: seconds > 3 * LEASE_SECONDS, seconds=30)
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()
    async with asyncio.timeout(30):
        await holding


async def test_it_lapses_where_nobody_renews_it(world: World, desk: LeaseDesk) -> None:
    await desk.take(NEED)

    await eventually(world.in_flight, lambda count: count == 1)
    await eventually(world.in_flight, lambda count: count == 0, seconds=30)


async def test_headers_of_the_operator_win(world: World) -> None:
    async with world.edge(custom_headers='{"x-team": "ours"}') as edge:
        address = bare(edge)
        address.additional_headers = {
            "x-goog-api-key": world.token,
            "x-team": "theirs",
            "x-goog-api-client": "test",
            "origin": "https://example.com",
        }
        async with address as connection:
            await begin(connection)

    await world.settled(1)
    [seen] = await world.google.requests()
    assert seen.header("x-team") == "ours"
    assert seen.header("x-goog-api-client") == "test"
    assert seen.header("origin") is None
