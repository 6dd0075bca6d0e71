"""What a call costs the store, counted in commands: one call, and the same for any size."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from services.keypool.catalog import NewKey
from services.keypool.model import Lease
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.orders import order, settled

SIZES = (70, 700)


async def commands(stores: Stores, call: Callable[[], Awaitable[Any]]) -> dict[str, int]:
    """Return how often each command ran because of a call, within scripts too.

    The pool writes down its clock once a millisecond: the call gets one of its own.
    """
    before = await stores.redis.time()
    async with asyncio.timeout(10):
        while await stores.redis.time() < (before[0], before[1] + 1000):
            pass
    await stores.redis.config_resetstat()
    await call()
    stats = await stores.redis.info("commandstats")
    counts = {name.removeprefix("cmdstat_"): int(row["calls"]) for name, row in stats.items()}
    return {name: count for name, count in counts.items() if name != "config|resetstat"}


async def fill(stores: Stores, size: int) -> None:
    await stores.redis.flushdb()
    for first in range(0, size, 100):
        keys = [NewKey(f"AIzaSyTest-{number:06d}-0123456789") for number in range(first, size)]
        await stores.admin.create("default", keys[:100])


async def acquire(stores: Stores, number: int, **fields: Any) -> tuple[Lease, ...]:
    grant = await stores.leasing.acquire(order(count=number, **fields), ())
    assert len(grant.leases) == number
    return grant.leases


async def settle(stores: Stores, leases: tuple[Lease, ...]) -> None:
    await stores.leasing.settle([settled(lease) for lease in leases], (), "default", 0)


async def serve_all(stores: Stores, size: int, **fields: Any) -> None:
    """Let a model meet every project and give each a turn."""
    for _ in range(0, size, 35):
        await settle(stores, await acquire(stores, 35, **fields))


async def test_an_order_is_one_call(stores: Stores) -> None:
    await fill(stores, 70)
    await serve_all(stores, 70)

    for number in (1, 32):
        counts = await commands(stores, partial(acquire, stores, number))
        assert counts["evalsha"] == 1
        assert "eval" not in counts


async def test_a_batch_of_outcomes_is_one_call(stores: Stores) -> None:
    await fill(stores, 70)
    await serve_all(stores, 70)

    for number in (1, 32):
        leases = await acquire(stores, number)
        counts = await commands(stores, partial(settle, stores, leases))
        assert counts["evalsha"] == 1
        assert "eval" not in counts


@pytest.mark.parametrize("number", [1, 32])
async def test_a_lease_costs_the_same_whatever_the_size_of_the_pool(
    stores: Stores, number: int
) -> None:
    found = []
    for size in SIZES:
        await fill(stores, size)
        await serve_all(stores, size)
        taken = await commands(stores, partial(acquire, stores, number))
        # The first outcome in a minute opens a new bucket.
        await settle(stores, await acquire(stores, 1))
        leases = await acquire(stores, number)
        given = await commands(stores, partial(settle, stores, leases))
        found.append((taken, given))

    assert found[0] == found[1]
    # What is done once for each lease: its state, its project's keys, its key, its place.
    assert sum(found[0][0].values()) <= 10 + 5 * number
    assert sum(found[0][1].values()) <= 14 + 5 * number


async def test_a_model_that_was_never_used_costs_the_same_whatever_the_size_of_the_pool(
    stores: Stores,
) -> None:
    found = []
    for size in SIZES:
        await fill(stores, size)
        await serve_all(stores, size, model="another")
        found.append(
            [
                await commands(stores, partial(acquire, stores, 1, model="never-used"))
                for _ in range(20)
            ]
        )

    assert found[0] == found[1]
