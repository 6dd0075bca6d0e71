"""Uploads that were sealed with another key-encryption key: unknown, and in nobody's way."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.files.errors import UploadUnknownError
from services.files.redis_upload_store import RedisUploadStore
from services.files.uploads import UploadOrder
from services.kit.redis_client import open_redis
from services.kit.redis_scripts import RedisPort
from services.kit.vault import Vault
from tests.contract.files.conftest import BOUNDLESS
from tests.support.waiting import eventually

ORDER = UploadOrder("ada", "default", "upload/v1beta/files", b"{}")


@pytest.fixture
async def stores(redis_url: str) -> AsyncIterator[tuple[RedisUploadStore, RedisUploadStore]]:
    """One store before and one after a change of ENCRYPTION_KEY, over the same Redis."""
    redis = open_redis(redis_url, name="contract")

    def opened(text: str) -> RedisUploadStore:
        return RedisUploadStore(
            RedisPort(redis), Vault(text), lives=timedelta(seconds=1), **BOUNDLESS
        )

    yield opened("the key-encryption key before"), opened("the key-encryption key after")
    await redis.aclose()


async def test_they_are_unknown(stores: tuple[RedisUploadStore, RedisUploadStore]) -> None:
    before, after = stores
    await before.create("an-upload", ORDER, "a-request")

    for call in (
        after.read("an-upload"),
        after.begin("an-upload", ""),
        after.cancel("an-upload"),
        after.create("another", ORDER, "a-request"),
    ):
        with pytest.raises(UploadUnknownError):
            await call


async def test_the_others_are_swept(stores: tuple[RedisUploadStore, RedisUploadStore]) -> None:
    before, after = stores
    await before.create("an-upload", ORDER, "")
    await after.create("another", ORDER, "")
    found: list[str] = []

    async def swept() -> list[str]:
        found.extend(upload.order.client_id for upload in await after.sweep(50))
        return found

    assert await eventually(swept, bool, seconds=10) == ["ada"]
    # The one that cannot be read is gone as well.
    assert await before.read("an-upload") is None
