"""Sweeping goes on, whatever one sweep meets."""

import asyncio

import pytest

from services.files.sweeping import sweep_for_ever
from services.kit.errors import StoreUnavailableError


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), RuntimeError("a bug")])
async def test_what_one_sweep_cannot_bear_stops_no_other(error: Exception) -> None:
    done = asyncio.Event()
    failures = 0

    async def fails(limit: int) -> int:
        nonlocal failures
        failures += 1
        raise error

    async def works(limit: int) -> int:
        if failures == 2:
            done.set()
        return 0

    sweeping = asyncio.create_task(sweep_for_ever(0.001, fails, works))
    async with asyncio.timeout(10):
        await asyncio.wait(
            {sweeping, waiting := asyncio.create_task(done.wait())},
            return_when=asyncio.FIRST_COMPLETED,
        )

    assert waiting.done()
    assert not sweeping.done()
    sweeping.cancel()
