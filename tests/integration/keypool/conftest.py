"""What the tests of the key pool share."""

from collections.abc import AsyncIterator

import pytest

from tests.support.keypool import Keypool, running_keypool
from tests.support.valkey import redis_url, valkey_server

__all__ = ["keypool", "redis_url", "valkey_server"]


@pytest.fixture
async def keypool(redis_url: str) -> AsyncIterator[Keypool]:
    """A key pool that holds nothing."""
    async with running_keypool(redis_url) as running:
        yield running
