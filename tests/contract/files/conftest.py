"""The stores of uploads: the real one over a real Valkey, and the one in memory for tests."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Protocol

import pytest

from services.files.redis_upload_store import RedisUploadStore
from services.files.store import UploadStore
from services.kit.redis_client import open_redis
from services.kit.redis_scripts import RedisPort
from services.kit.vault import Vault
from tests.support.memory_uploads import MemoryUploads
from tests.support.valkey import redis_url, valkey_server

__all__ = ["open_store", "redis_url", "valkey_server"]


class OpenStore(Protocol):
    """Opens a store."""

    def __call__(
        self, *, lives: timedelta = timedelta(hours=1), tail_bytes: int = 2**40
    ) -> UploadStore:
        """Return a store whose uploads live so long and whose tails have so much room."""


@pytest.fixture(params=["memory", "redis"])
async def open_store(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[OpenStore]:
    redis = open_redis(redis_url, name="contract")
    vault = Vault("a key-encryption key for tests")

    def make(*, lives: timedelta = timedelta(hours=1), tail_bytes: int = 2**40) -> UploadStore:
        if request.param == "memory":
            return MemoryUploads(lives=lives, tail_bytes=tail_bytes)
        return RedisUploadStore(RedisPort(redis), vault, lives=lives, tail_bytes=tail_bytes)

    yield make
    await redis.aclose()
