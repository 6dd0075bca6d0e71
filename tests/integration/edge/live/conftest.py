"""An edge for Live sessions, over a real key pool and a simulated Google."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from services.simulator.control import SimulatorControl
from tests.support.edge import new_token, running_edge
from tests.support.keypool import Keypool, running_keypool, secrets_of
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]


@dataclass
class World:
    """A key pool with keys of projects of their own, and the Google that knows them."""

    google: SimulatorControl
    google_url: str
    keypool: Keypool
    keys: dict[str, str]
    token: str

    @contextlib.asynccontextmanager
    async def edge(self, **settings: Any) -> AsyncIterator[str]:
        """Run an edge."""
        async with running_edge(self.keypool, base_url=self.google_url, **settings) as url:
            yield url

    async def in_flight(self) -> int:
        """Return how many leases are open."""
        return sum([(await self.keypool.key(each)).in_flight_count for each in self.keys.values()])

    async def outcomes(self) -> tuple[int, int]:
        """Return how many calls went well, and how many failed."""
        keys = [await self.keypool.key(each) for each in self.keys.values()]
        return sum(key.success_count for key in keys), sum(key.failure_count for key in keys)

    async def settled(self, succeeded: int, failed: int = 0) -> None:
        """Return once so many sessions were settled so, and no lease is open."""

        async def seen() -> tuple[int, int, int]:
            return (*await self.outcomes(), await self.in_flight())

        await eventually(seen, lambda found: found == (succeeded, failed, 0))

    async def open_sessions(self, count: int) -> list[dict[str, Any]]:
        """Return the sessions at Google, once there are so many."""
        return await eventually(self.google.live_sessions, lambda found: len(found) == count)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    async with (
        upstream() as google,
        running_keypool(redis_url, base_url=google.url) as keypool,
    ):
        secrets = secrets_of(3)
        ids = await keypool.add_keys(*secrets)
        keys = dict(zip(secrets, ids, strict=True))
        yield World(google.control, google.url, keypool, keys, await new_token(keypool))


@pytest.fixture
async def edge(world: World) -> AsyncIterator[str]:
    async with world.edge() as url:
        yield url
