"""What Redis keeps of answers: sealed, within its bounds, until their time is over."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from services.files.errors import AnswersFullError, AnswerUnknownError
from services.files.file_book import Reader
from services.files.redis_answer_store import RedisAnswerStore
from services.files.redis_keys import PREFIX
from services.kit.vault import Vault
from tests.support.store_clock import ClockedPort, StoreClock

HOUR = timedelta(hours=1)
ANN, BOB = Reader("ann", "default"), Reader("bob", "default")
VAULT = Vault("a key-encryption key for tests")
SEALED = len(VAULT.seal_bytes(b"", "x"))
"""The bytes that sealing adds."""


@dataclass(frozen=True)
class Shelf:
    """A store of answers whose clock stands still: room for 1000 bytes, 600 of one client's."""

    store: RedisAnswerStore
    redis: Redis
    clock: StoreClock

    async def put(self, answer_id: str, size: int = 100, owner: Reader = ANN) -> None:
        """Put an answer that takes so many bytes, and let a second pass."""
        await self.store.put(owner, answer_id, b"x" * (size - SEALED))
        await self.clock.advance(1)

    async def has(self, answer_id: str, owner: Reader = ANN) -> bool:
        try:
            await self.store.get(owner, answer_id)
        except AnswerUnknownError:
            return False
        return True

    async def total(self) -> int:
        return int(await self.redis.get(f"{PREFIX}ab") or 0)


def store_over(redis: Redis, vault: Vault = VAULT) -> RedisAnswerStore:
    port = ClockedPort(redis)
    return RedisAnswerStore(port, vault, lives=HOUR, max_bytes=1000, client_bytes=600)


@pytest.fixture
async def shelf(redis_url: str) -> AsyncIterator[Shelf]:
    redis = Redis.from_url(redis_url)
    clock = StoreClock(redis)
    await clock.set(clock.time)
    yield Shelf(store_over(redis), redis, clock)
    await redis.aclose()


async def test_an_answer_is_read_as_it_was_put(shelf: Shelf) -> None:
    ends = await shelf.store.put(ANN, "one", b"\x00words\xff")

    assert await shelf.store.get(ANN, "one") == b"\x00words\xff"
    assert abs(ends - (shelf.clock.time + HOUR)) < timedelta(milliseconds=2)


async def test_it_is_its_owners_alone(shelf: Shelf) -> None:
    await shelf.put("one")

    assert not await shelf.has("one", BOB)
    assert not await shelf.has("one", Reader("ann", "other"))
    with pytest.raises(AnswerUnknownError):
        await shelf.store.delete(BOB, "one")
    assert await shelf.has("one")


async def test_it_ends_by_the_clock_of_the_store(shelf: Shelf) -> None:
    await shelf.store.put(ANN, "one", b"words")

    await shelf.clock.advance(3599.9)
    assert await shelf.has("one")
    await shelf.clock.advance(0.2)
    assert not await shelf.has("one")
    with pytest.raises(AnswerUnknownError):
        await shelf.store.delete(ANN, "one")


async def test_a_deleted_one_is_gone_and_counts_no_more(shelf: Shelf) -> None:
    await shelf.put("one")

    await shelf.store.delete(ANN, "one")

    assert not await shelf.has("one")
    assert await shelf.total() == 0
    with pytest.raises(AnswerUnknownError):
        await shelf.store.delete(ANN, "one")


async def test_one_put_again_takes_the_room_once(shelf: Shelf) -> None:
    await shelf.put("one", 300)
    await shelf.put("one", 200)

    assert await shelf.total() == 200


async def test_a_client_makes_room_among_its_own(shelf: Shelf) -> None:
    await shelf.put("bobs", 100, BOB)
    for number in range(7):
        await shelf.put(f"a{number}")

    assert [await shelf.has(f"a{number}") for number in range(7)] == [False] + [True] * 6
    assert await shelf.has("bobs", BOB)
    assert await shelf.total() == 700


async def test_the_oldest_of_all_make_room_for_all(shelf: Shelf) -> None:
    await shelf.put("a1", 300)
    await shelf.put("b1", 500, BOB)
    await shelf.put("a2", 200)

    await shelf.put("a3", 100)

    assert not await shelf.has("a1")
    assert await shelf.has("b1", BOB)
    assert await shelf.has("a2")
    assert await shelf.total() == 800


@pytest.mark.parametrize("size", [601, 1001])
async def test_there_is_no_room_for_some(shelf: Shelf, size: int) -> None:
    await shelf.put("one")

    with pytest.raises(AnswersFullError):
        await shelf.put("two", size)

    assert await shelf.has("one"), "nothing goes for what cannot come"


async def test_nothing_is_left_when_all_is_over(shelf: Shelf) -> None:
    for number in range(5):
        await shelf.put(f"a{number}")
    await shelf.put("b", 100, BOB)
    await shelf.clock.advance(3601)
    await shelf.put("last")

    assert await shelf.total() == 100
    assert await shelf.redis.hgetall(f"{PREFIX}oa") == {b"default/ann": b"100"}
    assert len(await shelf.redis.keys(f"{PREFIX}a:*")) == 1
    assert await shelf.redis.hlen(f"{PREFIX}ar") == 1
    [only] = await shelf.redis.keys(f"{PREFIX}a:*")
    assert 0 < await shelf.redis.pttl(only) <= 2 * 3700 * 1000


async def test_neither_names_nor_words_stand_in_redis(shelf: Shelf) -> None:
    await shelf.store.put(ANN, "a-secret-name", b"secret words")

    [only] = await shelf.redis.keys(f"{PREFIX}a:*")
    names, rows = await shelf.redis.keys("*"), await shelf.redis.hgetall(f"{PREFIX}ar")
    everything = repr([names, rows, await shelf.redis.get(only)])
    assert "a-secret-name" not in everything
    assert "secret words" not in everything


async def test_what_another_encryption_key_sealed_is_unknown(shelf: Shelf) -> None:
    await store_over(shelf.redis, Vault("another key-encryption key")).put(ANN, "one", b"words")

    assert not await shelf.has("one")
