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


BOUNDLESS = {"tail_bytes": 2**40, "client_tail_bytes": 2**40, "client_uploads": 2**31}


class OpenStore(Protocol):
    """Opens a store."""

    def __call__(self, *, lives: timedelta = timedelta(hours=1), **bounds: int) -> UploadStore:
        """Return a store whose uploads live so long and have such bounds."""


@pytest.fixture(params=["memory", "redis"])
async def open_store(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[OpenStore]:
    redis = open_redis(redis_url, name="contract")
    vault = Vault("a key-encryption key for tests")

    def make(*, lives: timedelta = timedelta(hours=1), **bounds: int) -> UploadStore:
        given = BOUNDLESS | bounds
        if request.param == "memory":
            return MemoryUploads(
                lives=lives,
                tail_bytes=given["tail_bytes"],
                client_tail_bytes=given["client_tail_bytes"],
                client_uploads=given["client_uploads"],
            )
        return RedisUploadStore(RedisPort(redis), vault, lives=lives, **given)

    yield make
    await redis.aclose()
