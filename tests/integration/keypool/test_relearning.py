"""Redis forgets everything: the key pool fills it again, and no limit is used twice."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from redis.asyncio import Redis

from services.keypool import metrics
from services.kit.errors import RemoteError
from tests.support.keypool import Keypool, failed, running_keypool, secrets_of, succeeded
from tests.support.waiting import eventually

TOKEN = "sk-of-the-settings"
SEEDS = {
    "api_keys": json.dumps([{"key": secret, "project": "p"} for secret in secrets_of(3)]),
    "allowed_tokens": TOKEN,
}


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@contextlib.asynccontextmanager
async def two_keypools(redis_url: str) -> AsyncIterator[tuple[Keypool, Keypool]]:
    async with (
        running_keypool(redis_url, **SEEDS) as one,
        running_keypool(redis_url, **SEEDS) as two,
    ):
        yield one, two


async def declare(keypool: Keypool, **limits: Any) -> None:
    quota = admin_pb2.Quota(project_id="p", model="*", **limits)
    await keypool.admin.SetQuota(admin_pb2.SetQuotaRequest(quota=quota))


async def grant(keypool: Keypool, count: int) -> list[pb.Lease]:
    response = await keypool.acquire(count)
    assert len(response.leases) == count
    return list(response.leases)


async def remembered(keypools: int = 1) -> None:
    """Return once so many key pools have looked after what was last granted or learned."""
    before = metrics.REMEMBERED._value.get()

    async def count() -> float:
        return float(metrics.REMEMBERED._value.get() - before)

    await eventually(count, lambda count: count >= keypools)


async def all_that_is_left(*keypools: Keypool) -> int:
    """Return how much is granted until each key pool says that the quota is used up."""
    granted = 0

    async def ask(keypool: Keypool) -> bool:
        nonlocal granted
        try:
            response = await keypool.acquire(1)
        except RemoteError as error:
            if error.reason != "STORE_UNAVAILABLE":
                raise
            return False
        granted += len(response.leases)
        return not response.leases and response.refusal.reason == pb.Refusal.REASON_QUOTA

    async def exhaust(keypool: Keypool) -> None:
        await eventually(lambda: ask(keypool), bool, seconds=20)

    await asyncio.gather(*map(exhaust, keypools))
    return granted


@pytest.mark.parametrize("limits", [{"requests_per_minute": 20}, {"requests_per_day": 20}])
async def test_what_was_granted_before_counts_after(
    redis_url: str, redis: Redis, limits: dict[str, int]
) -> None:
    async with two_keypools(redis_url) as (one, two):
        await declare(one, **limits)
        for keypool, count in ((one, 5), (two, 4), (one, 3)):
            for lease in await grant(keypool, count):
                await keypool.settle(succeeded(lease))
        await remembered(2)

        await redis.flushall()
        left = await all_that_is_left(one, two)

    # Two that granted at the same time may both remember the other's last second.
    assert 0 < left <= 20 - 12


async def test_what_was_granted_at_the_last_moment_counts_too(redis_url: str, redis: Redis) -> None:
    async with two_keypools(redis_url) as (one, two):
        await declare(one, requests_per_minute=20)
        await asyncio.gather(grant(one, 1), grant(two, 1))
        await remembered(2)
        await asyncio.gather(grant(one, 8), grant(two, 8))

        await redis.flushall()
        left = await all_that_is_left(one, two)

    assert left <= 20 - 18


async def test_a_second_loss_is_survived_like_the_first(redis_url: str, redis: Redis) -> None:
    async with two_keypools(redis_url) as (one, two):
        await declare(one, requests_per_day=30)
        granted = 0
        for _ in range(2):
            granted += len(await grant(one, 6)) + len(await grant(two, 3))
            await remembered(2)
            await redis.flushall()
            await eventually(lambda: is_filled(redis), bool)

        granted += await all_that_is_left(one, two)

    assert 18 < granted <= 30


async def is_filled(redis: Redis) -> bool:
    return bool(await redis.hexists("gb:1:meta", "seeded"))


async def test_a_limit_that_google_told_is_still_known(redis_url: str, redis: Redis) -> None:
    async with running_keypool(redis_url, **SEEDS) as keypool:
        [lease] = await grant(keypool, 1)
        await keypool.settle(refused(lease, 20))
        await remembered()
        before = await explain(keypool)
        assert [window.limit for window in before.windows] == [20]

        await redis.flushall()
        await eventually(lambda: is_filled(redis), bool)

        after = await explain(keypool)
        assert [window.limit for window in after.windows] == [20]
        assert after.until == before.until


async def explain(keypool: Keypool) -> pb.ExplainResponse.Project:
    response = await keypool.pool.Explain(pb.ExplainRequest(model="m"))
    [standing] = response.projects
    assert isinstance(standing, pb.ExplainResponse.Project)
    return standing


def refused(lease: pb.Lease, limit: int) -> pb.Settlement:
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_requests",
        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel",
        "quotaValue": str(limit),
    }
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "40s"},
    ]
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota", "details": details}
    return failed(lease, 429, json.dumps({"error": error}).encode())


async def test_nobody_is_told_of_the_emptiness(redis_url: str, redis: Redis) -> None:
    async with two_keypools(redis_url) as keypools:
        seen: set[str] = set()
        stop = asyncio.Event()

        async def ask(keypool: Keypool) -> None:
            while not stop.is_set():
                try:
                    await keypool.pool.Authorize(pb.AuthorizeRequest(token=TOKEN))
                    response = await keypool.acquire(1)
                    seen.add(pb.Refusal.Reason.Name(response.refusal.reason))
                    # Known for long: an empty store would withdraw everything.
                    await keypool.settle(known_epoch=1)
                except RemoteError as error:
                    seen.add(error.reason)

        async with asyncio.TaskGroup() as tasks:
            for keypool in keypools:
                tasks.create_task(ask(keypool))
            await redis.flushall()
            await eventually(lambda: is_filled(redis), bool)
            stop.set()

    assert seen <= {"REASON_UNSPECIFIED", "STORE_UNAVAILABLE"}
    assert "STORE_UNAVAILABLE" in seen


async def test_a_fresh_store_is_filled_without_waiting_for_anybody(
    redis_url: str, redis: Redis
) -> None:
    async with running_keypool(redis_url, **SEEDS) as keypool:
        assert await grant(keypool, 1)
        epoch = await redis.hget("gb:1:meta", "epoch")
    async with running_keypool(redis_url, **SEEDS) as keypool:
        assert await grant(keypool, 1)
        assert await redis.hget("gb:1:meta", "epoch") == epoch
