"""What outcomes teach: rungs, probes on real traffic, and doubt when all fail at once."""

from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from services.judging import Evidence, Operation, Phase
from services.keypool.model import Lease, Outcome, RefusalReason, WindowKind
from tests.contract.keypool.clocked import POOL, Clocked, seconds_after
from tests.unit.judging import bodies

MIDNIGHT = datetime(2031, 6, 4, 7, tzinfo=UTC)


async def refuse(pool: Clocked, lease: Lease, body: bytes, status: int = 429) -> None:
    evidence = Evidence(Phase.ANSWERED, Operation.GENERATE, status, body)
    await pool.settle(lease, outcome=Outcome.FAILED, evidence=evidence)


async def next_time(pool: Clocked) -> datetime:
    refusal = (await pool.acquire()).refusal
    assert refusal is not None
    assert refusal.reason is RefusalReason.QUOTA
    assert refusal.retry_at is not None
    return refusal.retry_at


class TestDayLadder:
    async def test_a_short_delay_is_tried_then_four_times_that_then_midnight(
        self, pool: Clocked
    ) -> None:
        await pool.open([1])
        rungs = []
        for _ in range(3):
            await refuse(pool, await pool.one(), bodies.quota(bodies.PER_DAY, delay="10s"))
            back = await next_time(pool)
            rungs.append(seconds_after(back, pool.time) if back != MIDNIGHT else "midnight")
            await pool.set(back)

        assert rungs == [10, 40, "midnight"]

    async def test_one_burst_climbs_one_rung(self, pool: Clocked) -> None:
        await pool.open([1])
        for lease in (await pool.acquire(20)).leases:
            await refuse(pool, lease, bodies.quota(bodies.PER_DAY, delay="10s"))

        assert seconds_after(await next_time(pool), pool.time) == 10

    async def test_a_slow_failure_from_before_climbs_no_rung_later(self, pool: Clocked) -> None:
        await pool.open([1])
        fast, slow = (await pool.acquire(2)).leases
        await refuse(pool, fast, bodies.quota(bodies.PER_DAY, delay="10s"))
        await pool.advance(11)

        await refuse(pool, slow, bodies.quota(bodies.PER_DAY, delay="10s"))

        assert await pool.granted() == 1

    async def test_a_success_begins_the_ladder_anew(self, pool: Clocked) -> None:
        await pool.open([1])
        for _ in range(2):
            await refuse(pool, await pool.one(), bodies.quota(bodies.PER_DAY, delay="10s"))
            await pool.set(await next_time(pool))
        await pool.settle(await pool.one())

        await refuse(pool, await pool.one(), bodies.quota(bodies.PER_DAY, delay="10s"))

        assert seconds_after(await next_time(pool), pool.time) == 10

    async def test_a_long_delay_means_until_midnight(self, pool: Clocked) -> None:
        await pool.open([1])
        await refuse(pool, await pool.one(), bodies.quota(bodies.PER_DAY, delay="4000s"))

        assert await next_time(pool) == MIDNIGHT

    async def test_a_day_that_was_counted_as_spent_is_not_doubted(self, pool: Clocked) -> None:
        await pool.open([1])
        leases = [await pool.one() for _ in range(3)]
        body = bodies.quota(
            bodies.violation("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "3"), delay="9s"
        )

        await refuse(pool, leases[-1], body)

        assert await next_time(pool) == MIDNIGHT


class TestProbe:
    async def test_after_a_guess_one_request_at_a_time_goes_first(self, pool: Clocked) -> None:
        await pool.open([1])
        await refuse(pool, await pool.one(), bodies.BARE)
        back = await next_time(pool)
        await pool.set(back)

        probe = await pool.one()
        assert await pool.granted(3) == 0
        await pool.settle(probe)

        assert await pool.granted(3) == 3

    async def test_bare_refusals_climb_from_a_short_rung_to_a_minute(self, pool: Clocked) -> None:
        await pool.open([1])
        rungs = []
        for _ in range(4):
            await refuse(pool, await pool.one(), bodies.BARE)
            back = await next_time(pool)
            rungs.append(seconds_after(back, pool.time))
            await pool.set(back)

        assert rungs == [15, 60, 65, 65]

    async def test_a_probe_that_was_not_made_leaves_room_for_another(self, pool: Clocked) -> None:
        await pool.open([1])
        await refuse(pool, await pool.one(), bodies.BARE)
        await pool.set(await next_time(pool))

        await pool.settle(await pool.one(), outcome=Outcome.UNUSED)

        assert await pool.granted(2) == 1

    async def test_a_lost_probe_is_followed_by_another(self, pool: Clocked) -> None:
        await pool.open([1])
        await refuse(pool, await pool.one(), bodies.BARE)
        await pool.set(await next_time(pool))
        await pool.one()

        await pool.advance(10)

        assert await pool.granted(2) == 1

    async def test_a_free_call_proves_nothing(self, pool: Clocked) -> None:
        await pool.open([1])
        await refuse(pool, await pool.one(), bodies.BARE)

        await pool.settle(await pool.one(is_free=True))

        assert await pool.granted() == 0

    async def test_several_violations_cool_until_the_last_ends(self, pool: Clocked) -> None:
        await pool.open([1])
        body = bodies.quota(bodies.PER_MINUTE, bodies.PER_DAY, delay="20s")
        await refuse(pool, await pool.one(), body)

        standing = (await pool.leasing.explain(POOL, "m"))[0]

        assert {(window.kind, window.limit) for window in standing.windows} == {
            (WindowKind.REQUESTS_PER_MINUTE, 10),
            (WindowKind.REQUESTS_PER_DAY, 250),
        }
        assert seconds_after(standing.until, pool.time) == 20


class TestBlastRadius:
    async def test_the_same_fault_of_many_keys_harms_few(self, pool: Clocked) -> None:
        await pool.open([1] * 20)
        before = REGISTRY.get_sample_value("keypool_frozen_rules_total", {"rule": "key.invalid"})

        for lease in (await pool.acquire(20)).leases:
            await refuse(pool, lease, bodies.KEY_INVALID, 400)

        rows = await pool.keys.list_after(POOL, "", 100)
        states = [row.state for row in rows]
        # Thirty in a hundred of twenty keys are six: the sixth is doubted.
        assert (states.count("dead"), states.count("active")) == (5, 15)
        after = REGISTRY.get_sample_value("keypool_frozen_rules_total", {"rule": "key.invalid"})
        assert (after or 0) - (before or 0) == 1

    async def test_single_keys_die_as_before(self, pool: Clocked) -> None:
        await pool.open([1] * 20)
        for lease in (await pool.acquire(20)).leases:
            await refuse(pool, lease, bodies.KEY_INVALID, 400)
            await pool.advance(11)

        rows = await pool.keys.list_after(POOL, "", 100)
        assert {row.state for row in rows} == {"dead"}


class TestExplain:
    async def test_it_tells_what_is_left_of_each_window(self, pool: Clocked) -> None:
        await pool.open([2, 1])
        await pool.declare("p/p0/*", rpm=5, tpm=1000, rpd=100)
        leases = [
            lease
            for lease in (await pool.acquire(6, input_tokens=40)).leases
            if lease.project_id == "p0"
        ]

        standings = {row.project_id: row for row in await pool.leasing.explain(POOL, "m", 100)}

        limited = standings["p0"]
        assert [(window.limit, window.used) for window in limited.windows] == [
            (5, len(leases)),
            (1000, 40 * len(leases)),
            (100, len(leases)),
        ]
        assert (limited.live_keys, limited.in_flight, limited.reason) == (2, len(leases), None)
        assert standings["p1"].windows == ()

    @pytest.mark.parametrize(
        ("limits", "tokens", "reason"),
        [
            ({"rpm": 1}, 0, RefusalReason.QUOTA),
            ({"tpm": 50}, 51, RefusalReason.TOO_LARGE),
            ({"rpm": 0}, 0, RefusalReason.MODEL_ABSENT),
            ({"rpd": 1}, 0, RefusalReason.QUOTA),
            ({}, 0, None),
        ],
    )
    async def test_it_says_what_acquire_would_say(
        self, pool: Clocked, limits: dict[str, int], tokens: int, reason: RefusalReason | None
    ) -> None:
        await pool.open([1])
        await pool.one()
        if limits:
            await pool.declare("p/p0/*", **limits)

        refusal = (await pool.acquire(input_tokens=tokens)).refusal
        [standing] = await pool.leasing.explain(POOL, "m", tokens)

        assert standing.reason is reason
        assert (refusal.reason if refusal else None) is reason
        assert standing.until == (refusal.retry_at if refusal else None)
