"""Limits of tokens a minute and of requests a day, and what free calls leave of them."""

from datetime import UTC, datetime, timedelta

import pytest

from services.keypool.model import Outcome, RefusalReason
from tests.contract.keypool.clocked import Clocked, seconds_after


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


class TestFree:
    async def test_free_calls_charge_nothing_and_pass_a_cool_down(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        assert await pool.granted(3, is_free=True) == 3
        assert await pool.granted(2) == 1

        lease = (await pool.acquire(is_free=True)).leases[0]
        await pool.settle(lease, outcome=Outcome.UNUSED)

        assert await pool.granted() == 0
