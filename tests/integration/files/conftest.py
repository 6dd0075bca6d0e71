"""What the tests of the files service share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.simulator.control import SimulatorControl
from tests.integration.files.kept_world import KeptWorld, kept_world
from tests.support.files import World, running_files
from tests.support.keypool import running_keypool, secrets_of
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server", "world"]


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    """A files service with a key pool of three keys, each of a project of its own."""
    async with (
        upstream() as google,
        SimulatorControl(google.url) as sim,
        running_keypool(redis_url, base_url=google.url) as keypool,
        running_files(redis_url, keypool.target, google.url) as (files, target),
    ):
        await keypool.add_keys(*secrets_of(3))
        yield World(files, keypool, sim, target)


@pytest.fixture
async def kept(redis_url: str, tmp_path: Path) -> AsyncIterator[KeptWorld]:
    """The same, with bytes kept in a folder."""
    async with kept_world(redis_url, tmp_path / "kept") as world:
        yield world
