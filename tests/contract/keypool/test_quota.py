"""Limits of a minute, of tokens and of a day: never over, and not under without need."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from services.judging import Evidence, Operation, Phase
from services.keypool.catalog import KeyChange
from services.keypool.model import Outcome, RefusalReason, Wishes
from services.kit.redis_client import open_redis
from tests.contract.keypool.clocked import POOL, Clocked, seconds_after
from tests.unit.judging import bodies

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def pool(redis_url: str) -> AsyncIterator[Clocked]:
    redis: Redis = open_redis(redis_url, name="quota")
    clocked = Clocked(redis)
    yield clocked
    await redis.aclose()


def refused(status: int, body: bytes) -> dict[str, Any]:
    """How a call ends that the upstream refuses."""
    evidence = Evidence(Phase.ANSWERED, Operation.GENERATE, status, body)
    return {"outcome": Outcome.FAILED, "evidence": evidence}


class TestMinute:
    async def test_a_minute_holds_no_more_than_its_limit(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=10)

        assert await pool.granted(15) == 10

    async def test_a_refusal_names_the_time_at_which_the_first_charge_ends(
        self, pool: Clocked
    ) -> None:
        await pool.open([1, 1])
        await pool.declare("p/p0/*", rpm=1)
        await pool.declare("p/p1/*", rpm=1)
        begin = pool.time
        await pool.acquire()
        await pool.advance(7)
        await pool.acquire()

        refusal = (await pool.acquire()).refusal

        assert refusal is not None
        assert refusal.reason is RefusalReason.QUOTA
        assert refusal.retry_at == begin + MINUTE

    async def test_the_named_time_is_exact(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        await pool.acquire()

        await pool.advance(59.999)
        before = await pool.granted()
        await pool.advance(0.001)

        assert (before, await pool.granted()) == (0, 1)

    async def test_a_minute_lasts_longer_by_the_slack(self, pool: Clocked) -> None:
        pool = Clocked(pool.redis, slack=timedelta(seconds=0.5))
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        begin = pool.time
        await pool.acquire()

        refusal = (await pool.acquire()).refusal

        assert refusal is not None
        assert seconds_after(refusal.retry_at, begin) == 60.5

    async def test_keys_of_one_project_share_its_limit(self, pool: Clocked) -> None:
        await pool.open([5])
        await pool.declare("p/p0/*", rpm=10)

        grants = [await pool.acquire() for _ in range(15)]

        keys = [lease.key_id for grant in grants for lease in grant.leases]
        assert sorted(keys.count(key_id) for key_id in set(keys)) == [2] * 5

    async def test_models_have_limits_of_their_own(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/a", rpm=2)
        await pool.declare("p/p0/b", rpm=3)

        counts = [await pool.granted(5, model=model) for model in ("a", "b", "c")]

        assert counts == [2, 3, 5]

    async def test_an_unused_lease_gives_its_charge_back(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=2, rpd=2)
        leases = [await pool.one(), await pool.one()]

        await pool.settle(leases[0], outcome=Outcome.UNUSED)

        assert await pool.granted(3) == 1

    async def test_what_is_given_back_late_is_nobody_elses(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=2)
        old = await pool.one()
        await pool.advance(61)
        await pool.granted(2)

        await pool.settle(old, outcome=Outcome.UNUSED)

        assert await pool.granted() == 0

    async def test_a_call_that_was_never_connected_gives_its_charge_back(
        self, pool: Clocked
    ) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        lease = await pool.one()

        await pool.settle(
            lease,
            outcome=Outcome.FAILED,
            evidence=Evidence(Phase.CONNECT, Operation.GENERATE),
        )

        assert await pool.granted() == 1

    async def test_a_settled_lease_keeps_its_charge(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=2)
        for outcome in (Outcome.SUCCEEDED, Outcome.ABANDONED):
            await pool.settle(await pool.one(), outcome=outcome)

        assert await pool.granted() == 0

    async def test_a_lease_that_waits_in_stock_counts_from_its_grant_until_its_last_start(
        self, pool: Clocked
    ) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        begin = pool.time
        await pool.one(hold=timedelta(seconds=2))

        refusal = (await pool.acquire()).refusal

        assert refusal is not None
        assert refusal.retry_at == begin + timedelta(seconds=62)

    async def test_a_reported_start_moves_the_charge_back(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        begin = pool.time
        lease = await pool.one(hold=timedelta(seconds=2))
        await pool.advance(1)

        await pool.settle(lease, started_at=begin + timedelta(seconds=1))

        refusal = (await pool.acquire()).refusal
        assert refusal is not None
        assert refusal.retry_at == begin + timedelta(seconds=61)

    async def test_a_start_before_the_grant_is_not_believed(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        begin = pool.time
        lease = await pool.one()
        await pool.settle(lease, started_at=begin - timedelta(seconds=30))

        refusal = (await pool.acquire()).refusal

        assert refusal is not None
        assert refusal.retry_at == begin + MINUTE

    async def test_no_stock_is_kept_where_a_limit_is_in_force(self, pool: Clocked) -> None:
        await pool.open([1])
        free = await pool.acquire()
        await pool.declare("p/p0/*", rpm=100)

        assert (free.stock_size, (await pool.acquire()).stock_size) == (64, 0)

    async def test_a_block_never_exceeds_the_limits(self, pool: Clocked) -> None:
        await pool.open([1, 1, 1])
        for project in range(3):
            await pool.declare(f"p/p{project}/*", rpm=10)

        grant = await pool.acquire(64)

        projects = [lease.project_id for lease in grant.leases]
        assert sorted(projects.count(project) for project in set(projects)) == [10] * 3
        assert grant.refusal is not None
        assert grant.refusal.reason is RefusalReason.QUOTA

    async def test_a_clock_that_is_set_back_gives_nothing_away(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=2)
        await pool.one()
        await pool.advance(30)
        await pool.one()

        await pool.advance(-3600)

        # Asked for by name, it is looked at whatever its place in the order.
        named = Wishes(required_project="p0")
        assert await pool.granted(wishes=named) == 0
        await pool.advance(3600 + 30)
        assert await pool.granted(3, wishes=named) == 1


class TestDeclared:
    async def test_the_longest_pattern_holds_and_a_project_beats_its_tier(
        self, pool: Clocked
    ) -> None:
        await pool.open([1, 1, 1])
        await pool.redis.hset("gb:1:{default}:p:p0", "tier", "free")
        await pool.redis.hset("gb:1:{default}:p:p1", "tier", "free")
        await pool.declare("t/free/*", rpm=2)
        await pool.declare("t/free/gemini-*", rpm=3)
        await pool.declare("t/free/gemini-2.5-pro", rpd=4)
        await pool.declare("p/p1/gemini-2.5-*", rpm=1)

        table = {
            (model, project): await pool.granted(
                6, model=model, wishes=Wishes(required_project=project)
            )
            for model in ("other", "gemini-2.0", "gemini-2.5-pro", "gemini-2x5-pro")
            for project in ("p0", "p1", "p2")
        }

        assert table == {
            ("other", "p0"): 2,
            ("other", "p1"): 2,
            ("other", "p2"): 6,
            ("gemini-2.0", "p0"): 3,
            ("gemini-2.0", "p1"): 3,
            ("gemini-2.0", "p2"): 6,
            ("gemini-2.5-pro", "p0"): 3,
            ("gemini-2.5-pro", "p1"): 1,
            ("gemini-2.5-pro", "p2"): 6,
            ("gemini-2x5-pro", "p0"): 3,
            ("gemini-2x5-pro", "p1"): 3,
            ("gemini-2x5-pro", "p2"): 6,
        }

    async def test_zero_means_not_offered(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/m", rpm=0)

        refusal = (await pool.acquire()).refusal

        assert refusal is not None
        assert (refusal.reason, refusal.retry_at) == (RefusalReason.MODEL_ABSENT, None)
        assert await pool.granted(model="n") == 1

    async def test_a_raised_limit_holds_at_once_for_who_waits(self, pool: Clocked) -> None:
        await pool.open([1] * 700)
        await pool.declare("t/free/*", rpd=1)
        for project in range(700):
            await pool.redis.hset(f"gb:1:{{default}}:p:p{project}", "tier", "free")
        served = 0
        for _ in range(11):
            served += len((await pool.acquire(64)).leases)
        assert served == 700

        await pool.declare("t/free/*", rpd=2)

        for _ in range(15):
            served += len((await pool.acquire(64)).leases)
        assert served == 1400

    async def test_a_withdrawn_limit_holds_no_more(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        await pool.one()

        await pool.declare("p/p0/*")

        assert await pool.granted(3) == 3

    async def test_a_limit_declared_late_knows_what_was_used(self, pool: Clocked) -> None:
        await pool.open([1])
        assert await pool.granted(4) == 4
        await pool.advance(1)

        await pool.declare("p/p0/*", rpm=5)

        assert await pool.granted(3) == 1


class TestTokens:
    async def test_a_minute_holds_no_more_tokens_than_its_limit(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", tpm=1000)

        assert await pool.granted(5, input_tokens=300) == 3

    async def test_smaller_requests_still_fit(self, pool: Clocked) -> None:
        await pool.open([1, 1])
        await pool.declare("p/p0/*", tpm=1000)
        await pool.declare("p/p1/*", tpm=1000)
        await pool.granted(2, input_tokens=900)

        assert await pool.granted(1, input_tokens=300) == 0
        assert await pool.granted(3, input_tokens=100) == 2

    async def test_usage_takes_the_place_of_the_estimate(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", tpm=1000)
        lease = await pool.one(input_tokens=900)
        before = await pool.granted(1, input_tokens=500)

        await pool.settle(lease, tokens=100)

        assert (before, await pool.granted(3, input_tokens=450)) == (0, 2)

    async def test_more_usage_than_was_estimated_counts(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", tpm=1000)
        lease = await pool.one(input_tokens=100)

        await pool.settle(lease, tokens=950)

        assert await pool.granted(1, input_tokens=100) == 0

    async def test_a_request_larger_than_the_limit_never_fits(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", tpm=1000)

        refusal = (await pool.acquire(input_tokens=1001)).refusal

        assert refusal is not None
        assert (refusal.reason, refusal.retry_at) == (RefusalReason.TOO_LARGE, None)
        assert await pool.granted(1, input_tokens=1000) == 1

    async def test_the_time_named_is_that_of_the_request_at_hand(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", tpm=1000)
        begin = pool.time
        for _ in range(5):
            await pool.one(input_tokens=200)
            await pool.advance(10)

        refusals = [(await pool.acquire(input_tokens=size)).refusal for size in (200, 400, 1000)]

        assert [seconds_after(refusal.retry_at, begin) for refusal in refusals if refusal] == [
            60,
            70,
            100,
        ]


class TestDay:
    @pytest.mark.parametrize(
        ("late", "midnight"),
        [
            # the clocks of California go forward on 9 March 2031, back on 2 November 2031
            ("2031-03-09T07:50:00Z", "2031-03-09T08:00:00Z"),
            ("2031-03-10T06:50:00Z", "2031-03-10T07:00:00Z"),
            ("2031-11-02T06:50:00Z", "2031-11-02T07:00:00Z"),
            ("2031-11-03T07:50:00Z", "2031-11-03T08:00:00Z"),
        ],
    )
    async def test_a_day_spent_at_ten_to_midnight_is_back_at_midnight_pacific(
        self, pool: Clocked, late: str, midnight: str
    ) -> None:
        pool.time = datetime.fromisoformat(late)
        await pool.open([1])
        await pool.declare("p/p0/*", rpd=3)
        assert await pool.granted(5) == 3

        refusal = (await pool.acquire()).refusal

        end = datetime.fromisoformat(midnight).astimezone(UTC)
        assert refusal is not None
        assert refusal.retry_at == end
        await pool.set(end - timedelta(milliseconds=1))
        assert await pool.granted() == 0
        await pool.set(end)
        assert await pool.granted(5) == 3

    async def test_yesterdays_unused_lease_gives_nothing_back_today(self, pool: Clocked) -> None:
        pool.time = datetime(2031, 6, 4, 6, 59, 50, tzinfo=UTC)
        await pool.open([1])
        await pool.declare("p/p0/*", rpd=2)
        lease = await pool.one()
        await pool.advance(20)
        assert await pool.granted(2) == 2

        await pool.settle(lease, outcome=Outcome.UNUSED)

        assert await pool.granted() == 0

    async def test_no_slot_is_reserved_in_tomorrows_quota(self, pool: Clocked) -> None:
        pool.time = datetime(2031, 6, 4, 6, 59, 50, tzinfo=UTC)
        await pool.open([1])
        await pool.declare("p/p0/*", rpd=1)
        await pool.one()

        grant = await pool.acquire(wait_budget=timedelta(seconds=30))

        assert not grant.leases
        assert grant.refusal is not None
        assert grant.refusal.retry_at == datetime(2031, 6, 4, 7, tzinfo=UTC)


class TestLearned:
    async def test_a_limit_that_was_told_is_not_exceeded_again(self, pool: Clocked) -> None:
        await pool.open([1])
        leases = [await pool.one() for _ in range(10)]
        body = bodies.quota(
            bodies.violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "10"),
            delay="5s",
        )
        await pool.settle(leases[-1], **refused(429, body))
        await pool.settle(*leases[:-1])

        await pool.advance(6)
        before = await pool.granted()
        await pool.advance(54)

        assert (before, await pool.granted(15)) == (0, 10)

    async def test_it_is_forgotten_after_a_day(self, pool: Clocked) -> None:
        await pool.open([1])
        body = bodies.quota(
            bodies.violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "1"),
            delay="5s",
        )
        await pool.settle(await pool.one(), **refused(429, body))
        await pool.advance(3600)
        assert await pool.granted(3) == 1

        await pool.advance(86400)

        assert await pool.granted(3) == 3

    async def test_a_later_refusal_contradicts_a_declared_limit(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=100)
        lease = await pool.one()
        await pool.advance(1)
        body = bodies.quota(
            bodies.violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "2"),
            delay="5s",
        )
        await pool.settle(lease, **refused(429, body))
        await pool.advance(120)
        learned = await pool.granted(5)
        await pool.advance(120)

        await pool.declare("p/p0/*", rpm=100)

        assert (learned, await pool.granted(5)) == (2, 5)

    async def test_a_larger_one_gives_way_to_what_is_declared(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=3)
        body = bodies.quota(
            bodies.violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "50"),
            delay="5s",
        )
        await pool.settle(await pool.one(), **refused(429, body))

        await pool.advance(120)

        assert await pool.granted(9) == 3


class TestFree:
    async def test_free_calls_charge_nothing_and_pass_a_cool_down(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        assert await pool.granted(3, is_free=True) == 3
        assert await pool.granted(2) == 1

        lease = (await pool.acquire(is_free=True)).leases[0]
        await pool.settle(lease, outcome=Outcome.UNUSED)

        assert await pool.granted() == 0


class TestInFlight:
    async def test_a_key_serves_no_more_at_a_time_than_it_may(self, pool: Clocked) -> None:
        await pool.open([2])
        one, two = {lease.key_id for lease in (await pool.acquire(2)).leases}
        await pool.limit_key(one, 2)
        await pool.limit_key(two, 3)

        assert await pool.granted(9) == 3

        refusal = (await pool.acquire()).refusal
        assert refusal is not None
        assert refusal.reason is RefusalReason.IN_FLIGHT
        assert refusal.retry_at == pool.time + timedelta(seconds=1)

    async def test_a_settled_lease_makes_room_for_all_models(self, pool: Clocked) -> None:
        await pool.open([1])
        lease = await pool.one(model="a")
        await pool.limit_key(lease.key_id, 1)
        assert [await pool.granted(model=model) for model in "abc"] == [0, 0, 0]

        await pool.settle(lease)

        last = await pool.one(model="b")
        await pool.settle(last)
        assert await pool.granted(model="c") == 1

    async def test_a_lapsed_lease_makes_room(self, pool: Clocked) -> None:
        await pool.open([1])
        lease = await pool.one(lifetime=timedelta(seconds=10))
        await pool.limit_key(lease.key_id, 1)
        assert await pool.granted() == 0

        await pool.advance(10)

        assert await pool.granted(2) == 1

    async def test_a_higher_priority_goes_first_within_a_project(self, pool: Clocked) -> None:
        await pool.open([3])
        keys = sorted(lease.key_id for lease in (await pool.acquire(3)).leases)
        await pool.keys.change(POOL, keys[1], KeyChange(priority=5, max_in_flight=3))

        served = [(await pool.one()).key_id for _ in range(4)]

        assert served[:2] == [keys[1]] * 2
        assert keys[1] not in served[2:]
