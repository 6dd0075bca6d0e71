"""Limits of requests a minute: never over, and nothing lost that was not used."""

from datetime import timedelta

from services.judging import Evidence, Operation, Phase
from services.keypool.model import Outcome, RefusalReason, Wishes
from tests.contract.keypool.clocked import Clocked, seconds_after

MINUTE = timedelta(minutes=1)


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

    async def test_a_start_told_before_the_clock_was_set_back_is_believed(
        self, pool: Clocked
    ) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        begin = pool.time
        lease = await pool.one(hold=timedelta(seconds=2))

        # It has started after a second; since then the clock was set back.
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

        assert (free.stock_size, (await pool.acquire()).stock_size) == (256, 0)

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
