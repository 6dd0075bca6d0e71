"""A pool, a client and the simulator's control plane for each test."""

from collections.abc import AsyncIterator

import pytest

from services.simulator.control import SimulatorControl
from tests.e2e.uploads.uploading import Uploader
from tests.support.system import Pool, System


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(1)


@pytest.fixture
async def client(system: System, pool: Pool) -> AsyncIterator[Uploader]:
    async with system.client() as http:
        yield Uploader(http, pool.token)


@pytest.fixture
async def control(system: System) -> AsyncIterator[SimulatorControl]:
    async with system.control() as control:
        yield control
