"""A store of bytes that hangs costs one upload some time, and the next ones none."""

import asyncio

import pytest

from services.files.keeping.keeper import Keeper
from services.files.keeping.object_store import ObjectStoreError
from services.kit.vault import Vault

VAULT = Vault("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")


class Hanging:
    """Takes nothing, ever."""

    def __init__(self) -> None:
        self.puts = 0

    async def put(self, name: str, content: bytes | memoryview) -> None:
        self.puts += 1
        await asyncio.Event().wait()

    async def get(self, name: str) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    async def drop(self, folder: str) -> None:
        raise AssertionError


async def test_after_a_part_was_not_taken_no_other_is_tried() -> None:
    store = Hanging()
    keeper = Keeper(store, VAULT, seconds=0.2)
    manifest = keeper.begin(1)

    # More than may be on their way at once: those that wait for a turn end as well.
    async with asyncio.timeout(10):
        first = await asyncio.gather(
            *(keeper.put(manifest, at, b"x") for at in range(12)), return_exceptions=True
        )
        tried = store.puts
        with pytest.raises(ObjectStoreError, match="left alone"):
            await keeper.put(manifest, 0, b"x")

    assert all(isinstance(error, ObjectStoreError) for error in first)
    assert 0 < tried <= 4
    assert store.puts == tried


async def test_a_part_that_is_not_given_back_is_not_waited_for_for_ever() -> None:
    keeper = Keeper(Hanging(), VAULT, seconds=0.2)

    async with asyncio.timeout(10):
        with pytest.raises(ObjectStoreError, match="gave no part"):
            await keeper.get(keeper.begin(1), 0)
