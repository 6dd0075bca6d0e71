"""Limits that the upstream tells: what is told later, and what turns out to hold no more."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from redis.asyncio import Redis

from tests.support.keypool import Keypool, failed, running_keypool, secrets_of, succeeded
from tests.support.store_clock import ClockedPort, StoreClock
from tests.unit.judging import bodies

DAY = 86_400
RPM, RPD = pb.QuotaWindow.KIND_REQUESTS_PER_MINUTE, pb.QuotaWindow.KIND_REQUESTS_PER_DAY
QUOTA_IDS = {
    RPM: "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    RPD: "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
}


@pytest.fixture
async def clock(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StoreClock]:
    monkeypatch.setattr("services.keypool.server.open_port", ClockedPort)
    async with Redis.from_url(redis_url) as redis:
        yield StoreClock(redis)


@pytest.fixture
async def keypool(clock: StoreClock, redis_url: str) -> AsyncIterator[Keypool]:
    async with running_keypool(redis_url) as running:
        # It has seeded by now: from here on time stands still.
        await clock.advance(0)
        await running.add_keys(*secrets_of(3), project="p")
        yield running


async def refuse(
    keypool: Keypool, kind: pb.QuotaWindow.Kind.ValueType, limit: int, delay: str = "5s"
) -> None:
    """Let the upstream refuse a request and name a limit."""
    [lease] = (await keypool.acquire()).leases
    body = bodies.quota(bodies.violation(QUOTA_IDS[kind], str(limit)), delay=delay)
    await keypool.settle(failed(lease, 429, body))


async def windows(keypool: Keypool) -> dict[int, tuple[int, str]]:
    """Return the limits in force and where they come from."""
    [project] = (await keypool.pool.Explain(pb.ExplainRequest(model="m"))).projects
    return {
        window.kind: (window.limit, pb.QuotaWindow.Source.Name(window.source))
        for window in project.windows
    }


async def granted(keypool: Keypool, wanted: int = 20) -> int:
    return len((await keypool.acquire(wanted)).leases)


async def declare(keypool: Keypool, **limits: Any) -> None:
    quota = admin_pb2.Quota(project_id="p", model="m", **limits)
    await keypool.admin.SetQuota(admin_pb2.SetQuotaRequest(quota=quota))


async def withdraw(keypool: Keypool) -> None:
    quota = admin_pb2.Quota(project_id="p", model="m")
    await keypool.admin.DeleteQuota(admin_pb2.DeleteQuotaRequest(quota=quota))


@pytest.mark.parametrize(("first", "second"), [(10, 4), (4, 10)])
async def test_a_limit_told_later_takes_over_at_once(
    keypool: Keypool, clock: StoreClock, first: int, second: int
) -> None:
    await refuse(keypool, RPM, first)
    await clock.advance(61)
    assert await windows(keypool) == {RPM: (first, "SOURCE_LEARNED")}

    await refuse(keypool, RPM, second)

    assert await windows(keypool) == {RPM: (second, "SOURCE_LEARNED")}
    await clock.advance(61)
    assert await granted(keypool) == second


async def test_a_lower_day_told_later_takes_over_at_once(
    keypool: Keypool, clock: StoreClock
) -> None:
    await refuse(keypool, RPD, 12)
    await clock.advance(6)
    [probe] = (await keypool.acquire()).leases
    await keypool.settle(succeeded(probe))
    assert await windows(keypool) == {RPD: (12, "SOURCE_LEARNED")}

    await refuse(keypool, RPD, 5)

    # Two are used, and the refused ones count as well.
    assert await windows(keypool) == {RPD: (5, "SOURCE_LEARNED")}
    await clock.advance(6)
    [probe] = (await keypool.acquire()).leases
    await keypool.settle(succeeded(probe))
    assert await granted(keypool) == 1


@pytest.mark.parametrize(
    ("kind", "declared", "allowed"),
    # A day counts the refused request as well.
    [(RPM, "requests_per_minute", 3), (RPD, "requests_per_day", 2)],
)
async def test_a_limit_is_forgotten_when_more_was_allowed_than_it_says(
    keypool: Keypool,
    clock: StoreClock,
    kind: pb.QuotaWindow.Kind.ValueType,
    declared: str,
    allowed: int,
) -> None:
    await refuse(keypool, kind, 3)
    await clock.advance(6)
    await declare(keypool, **{declared: 9})
    assert await windows(keypool) == {kind: (9, "SOURCE_DECLARED")}

    believed = []
    for _ in range(allowed + 1):
        await keypool.settle(*map(succeeded, (await keypool.acquire()).leases))
        await withdraw(keypool)
        believed.append(await windows(keypool))
        await declare(keypool, **{declared: 9})

    assert believed == [{kind: (3, "SOURCE_LEARNED")}] * allowed + [{}]
    await withdraw(keypool)
    assert await granted(keypool) == 20


@pytest.mark.parametrize("kind", [RPM, RPD])
async def test_a_limit_is_tried_again_after_a_day(
    keypool: Keypool, clock: StoreClock, kind: pb.QuotaWindow.Kind.ValueType
) -> None:
    await refuse(keypool, kind, 3)
    await clock.advance(DAY - 1)
    before = await windows(keypool)

    await clock.advance(2)

    assert before == {kind: (3, "SOURCE_LEARNED")}
    assert await windows(keypool) == {}
    # After a day's limit that was doubted, one request goes ahead of the others.
    await keypool.settle(*map(succeeded, (await keypool.acquire()).leases))
    assert await granted(keypool) == 20


async def test_a_limit_that_is_met_again_after_a_day_is_learned_again(
    keypool: Keypool, clock: StoreClock
) -> None:
    await refuse(keypool, RPD, 3)
    await clock.advance(DAY + 1)
    await keypool.settle(*map(succeeded, (await keypool.acquire()).leases))

    await refuse(keypool, RPD, 7)

    assert await windows(keypool) == {RPD: (7, "SOURCE_LEARNED")}
