"""The store's clock leaves ours: an alarm is raised, and service goes on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from tests.support.keypool import Keypool, running_keypool, secret_of
from tests.support.store_clock import ClockedPort, StoreClock

LINE = "the store's clock and this machine's differ"


@pytest.fixture
async def clock(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StoreClock]:
    monkeypatch.setattr("services.keypool.server.open_port", ClockedPort)
    async with Redis.from_url(redis_url) as redis:
        yield StoreClock(redis)


@pytest.fixture
async def keypool(clock: StoreClock, redis_url: str) -> AsyncIterator[Keypool]:
    async with running_keypool(redis_url) as running:
        await running.add_keys(secret_of(1))
        yield running


def alarms() -> float:
    return REGISTRY.get_sample_value("keypool_clock_alarms_total") or 0


async def health(keypool: Keypool) -> int:
    stub: Any = health_pb2_grpc.HealthStub(keypool.channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
    status: int = answer.status
    return status


async def test_a_clock_in_step_raises_no_alarm(
    keypool: Keypool, capsys: pytest.CaptureFixture[str]
) -> None:
    before = alarms()

    for _ in range(3):
        await keypool.acquire()

    assert alarms() == before
    assert LINE not in capsys.readouterr().out


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_jumps_is_told_once_and_stops_nothing(
    keypool: Keypool, clock: StoreClock, capsys: pytest.CaptureFixture[str], hours: int
) -> None:
    before = alarms()

    await clock.set(datetime.now(UTC) + timedelta(hours=hours))
    grants = [await keypool.acquire() for _ in range(5)]

    assert [len(grant.leases) for grant in grants] == [1] * 5
    assert alarms() - before == 5
    ahead = REGISTRY.get_sample_value("keypool_store_clock_ahead_seconds")
    assert ahead is not None
    assert abs(ahead - 3600 * hours) < 60
    assert capsys.readouterr().out.count(LINE) == 1
    assert await health(keypool) == health_pb2.HealthCheckResponse.SERVING
