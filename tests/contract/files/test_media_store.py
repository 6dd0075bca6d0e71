"""What Redis keeps of generated media: within its bound, and until their time is over."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from services.files.errors import MediaFullError
from services.files.keeping.manifest import Manifest
from services.files.redis_keys import PREFIX
from services.files.redis_media_store import RedisMediaStore
from tests.support.store_clock import ClockedPort, StoreClock

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Shelf:
    """A store of media whose clock stands still."""

    store: RedisMediaStore
    redis: Redis
    clock: StoreClock

    async def put(self, media_id: str, content: bytes = b"picture") -> None:
        await self.store.put(media_id, "image/png", content)

    async def has(self, media_id: str) -> bool:
        return await self.store.read(media_id, 0, 10) is not None


@pytest.fixture
async def shelf(redis_url: str) -> AsyncIterator[Shelf]:
    redis = Redis.from_url(redis_url)
    clock = StoreClock(redis)
    await clock.set(clock.time)
    yield Shelf(RedisMediaStore(ClockedPort(redis), lives=HOUR, max_bytes=1000), redis, clock)
    await redis.aclose()


async def test_a_medium_is_read_as_it_was_put(shelf: Shelf) -> None:
    ends = await shelf.store.put("one", "image/png", b"0123456789")

    found = await shelf.store.read("one", 0, 100)
    assert found is not None
    medium, content = found
    assert content == b"0123456789"
    assert (medium.mime_type, medium.size, medium.kept) == ("image/png", 10, None)
    assert medium.expire_time == ends
    assert abs(ends - (shelf.clock.time + HOUR)) < timedelta(milliseconds=2)


@pytest.mark.parametrize(
    ("at", "size", "expected"),
    [(0, 0, b""), (0, 3, b"012"), (3, 4, b"3456"), (8, 100, b"89"), (10, 1, b""), (99, 1, b"")],
)
async def test_a_part_of_a_medium(shelf: Shelf, at: int, size: int, expected: bytes) -> None:
    await shelf.put("one", b"0123456789")

    found = await shelf.store.read("one", at, size)
    assert found is not None
    assert found[1] == expected


async def test_one_that_does_not_exist(shelf: Shelf) -> None:
    await shelf.put("one")

    assert await shelf.store.read("two", 0, 10) is None


async def test_it_ends_by_the_clock_of_the_store(shelf: Shelf) -> None:
    await shelf.put("one")

    await shelf.clock.advance(3599.9)
    assert await shelf.has("one")
    await shelf.clock.advance(0.2)
    assert not await shelf.has("one")


async def test_the_bound_holds_and_room_comes_back_in_time(shelf: Shelf) -> None:
    await shelf.put("one", b"x" * 600)
    await shelf.clock.advance(600)
    await shelf.put("two", b"x" * 400)

    with pytest.raises(MediaFullError) as caught:
        await shelf.put("three", b"x")
    assert caught.value.retry_delay == timedelta(seconds=3000)
    assert not await shelf.has("three")

    await shelf.clock.advance(3000)
    await shelf.put("three", b"x" * 600)
    with pytest.raises(MediaFullError):
        await shelf.put("four", b"x")
    assert await shelf.has("two")


async def test_a_bound_of_nothing(shelf: Shelf) -> None:
    with pytest.raises(MediaFullError):
        await shelf.put("one", b"x" * 1001)


async def test_nothing_is_left_when_all_is_over(shelf: Shelf) -> None:
    for number in range(5):
        await shelf.put(f"m{number}", b"x" * 100)
    await shelf.clock.advance(3601)
    await shelf.put("last")

    left = {name[len(PREFIX) :][:2] for name in await shelf.redis.keys("gb:*")}
    assert left == {b"n:", b"nb", b"ne", b"ns", b"nt"}
    assert len(await shelf.redis.keys(f"{PREFIX}n:*")) == 1
    assert await shelf.redis.get(f"{PREFIX}nt") == b"7"
    for name in (f"{PREFIX}n:*", f"{PREFIX}nb:*"):
        [only] = await shelf.redis.keys(name)
        assert 0 < await shelf.redis.pttl(only) <= 3700 * 1000 * 2


async def test_ids_do_not_stand_in_redis(shelf: Shelf) -> None:
    await shelf.put("a-secret-id")

    names = await shelf.redis.keys("*")
    members = await shelf.redis.zrange(f"{PREFIX}ne", 0, -1)
    assert not any(b"a-secret-id" in text for text in [*names, *members])


async def test_what_is_kept_elsewhere_takes_no_room_and_is_dropped_at_its_end(shelf: Shelf) -> None:
    kept = Manifest("0" * 32, b"sealed", 1000, size=5000)
    await shelf.store.announce(kept, HOUR)
    announced = await dropped_at(shelf, kept)
    await shelf.clock.advance(5)
    ends = await shelf.store.put_kept("one", "image/png", kept)

    found = await shelf.store.read("one", 0, 10)
    assert found is not None
    assert found[0].kept == kept
    assert found[1] == b""
    dropped = await dropped_at(shelf, kept)
    assert dropped == announced + 5000
    assert abs(dropped - ends.timestamp() * 1000) < 1
    await shelf.put("two", b"x" * 1000)


async def dropped_at(shelf: Shelf, kept: Manifest) -> float:
    score = await shelf.redis.zscore(f"{PREFIX}k", kept.kept_id)
    assert score is not None
    return float(score)
