"""When a day's quota will be used up, told from the last hour."""

from datetime import UTC, datetime, timedelta

import pytest

from services.keypool.model import Outcome
from services.keypool.project_store import Origin
from services.keypool.redis_project_store import RedisProjectStore
from tests.contract.keypool.clocked import POOL, Clocked

# Nine in the morning, Pacific.
MORNING = datetime(2031, 6, 4, 16, tzinfo=UTC)
MIDNIGHT = datetime(2031, 6, 5, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def open_pool(pool: Clocked, time: datetime, rpd: int, projects: int = 1) -> None:
    pool.time = time
    await pool.open([1] * projects)
    for project in range(projects):
        await pool.declare(f"p/p{project}/*", rpd=rpd)


async def use(pool: Clocked, *, each_minute: int, minutes: int) -> None:
    for _ in range(minutes):
        assert await pool.granted(each_minute) == each_minute
        await pool.advance(60)


async def dry_time(pool: Clocked, project: str = "p0") -> datetime | None:
    standings = {row.project_id: row for row in await pool.leasing.explain(POOL, "m")}
    return standings[project].dry_time


async def test_a_steady_hour_is_the_rate(pool: Clocked) -> None:
    await open_pool(pool, MORNING, rpd=180)

    await use(pool, each_minute=2, minutes=60)

    assert await dry_time(pool) == pool.time + 30 * MINUTE


async def test_a_quiet_night_does_not_slow_the_morning(pool: Clocked) -> None:
    await open_pool(pool, MORNING - timedelta(hours=8), rpd=250)
    await use(pool, each_minute=1, minutes=10)
    await pool.set(MORNING)

    await use(pool, each_minute=6, minutes=20)

    # 250 - 10 - 120 are left, six a minute.
    assert await dry_time(pool) == pool.time + 20 * MINUTE


async def test_a_busy_night_does_not_hurry_the_morning(pool: Clocked) -> None:
    await open_pool(pool, MORNING - timedelta(hours=8), rpd=250)
    await use(pool, each_minute=10, minutes=20)
    await pool.set(MORNING)

    await use(pool, each_minute=1, minutes=20)

    assert await dry_time(pool) == pool.time + 30 * MINUTE


async def test_a_burst_is_spread_over_ten_minutes(pool: Clocked) -> None:
    await open_pool(pool, MORNING, rpd=40)

    await pool.granted(20)

    assert await dry_time(pool) == pool.time + 10 * MINUTE


@pytest.mark.parametrize(("idle", "is_told"), [(30, True), (69, True), (70, False), (600, False)])
async def test_what_is_not_used_any_more_will_not_be_dry(
    pool: Clocked, idle: int, is_told: bool
) -> None:
    await open_pool(pool, MORNING - timedelta(hours=8), rpd=61)
    await use(pool, each_minute=30, minutes=2)

    await pool.advance((idle - 2) * 60)

    assert (await dry_time(pool) is not None) is is_told


async def test_a_day_that_lasts_until_its_end_will_not_be_dry(pool: Clocked) -> None:
    await open_pool(pool, MIDNIGHT - timedelta(hours=1), rpd=41)
    await use(pool, each_minute=2, minutes=10)

    late = await dry_time(pool)
    await pool.declare("p/p0/*", rpd=119)
    in_time = await dry_time(pool)
    await pool.declare("p/p0/*", rpd=120)

    assert late == pool.time + 10 * MINUTE + MINUTE / 2
    assert in_time == MIDNIGHT - MINUTE / 2
    assert await dry_time(pool) is None


async def test_a_spent_day_is_dry_now(pool: Clocked) -> None:
    await open_pool(pool, MORNING, rpd=3)
    await pool.granted(3)
    await pool.advance(3600 * 3)

    assert await dry_time(pool) == pool.time


async def test_the_rate_goes_on_after_midnight(pool: Clocked) -> None:
    await open_pool(pool, MIDNIGHT - 60 * MINUTE, rpd=500)
    await use(pool, each_minute=5, minutes=60)
    assert pool.time == MIDNIGHT

    assert await pool.granted() == 1

    dry = await dry_time(pool)
    assert dry is not None
    assert timedelta(minutes=98) < dry - MIDNIGHT < timedelta(minutes=101)


async def test_what_comes_back_unused_was_not_used(pool: Clocked) -> None:
    await open_pool(pool, MORNING, rpd=40)
    leases = [await pool.one() for _ in range(20)]

    for lease in leases[:10]:
        await pool.settle(lease, outcome=Outcome.UNUSED)

    assert await dry_time(pool) == pool.time + 30 * MINUTE


async def test_a_limit_that_is_declared_late_begins_to_tell(pool: Clocked) -> None:
    pool.time = MORNING
    await pool.open([1])
    await use(pool, each_minute=10, minutes=10)
    await pool.declare("p/p0/*", rpd=200)
    assert await dry_time(pool) is None

    await use(pool, each_minute=5, minutes=10)

    assert await dry_time(pool) == pool.time + 10 * MINUTE


async def test_projects_that_become_one_are_used_together(pool: Clocked) -> None:
    await open_pool(pool, MORNING, rpd=200, projects=2)
    await use(pool, each_minute=2, minutes=20)
    projects = RedisProjectStore(pool.port)

    await projects.merge(POOL, "p1", "p0", Origin.DECLARED, "-", is_evidence=False)

    # Each had twenty; what is left of the one day is eight times that.
    assert await dry_time(pool) == pool.time + 80 * MINUTE
