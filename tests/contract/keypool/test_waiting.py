"""Waiting is a reservation: exact, fair between clients, given back when nobody needs it."""

from datetime import timedelta
from typing import Any

from services.keypool.model import Grant, Lease, Outcome, RefusalReason, Wishes
from tests.contract.keypool.clocked import Clocked, seconds_after

WAIT = timedelta(seconds=30)


async def busy_pool(pool: Clocked, rpm: int = 10, projects: int = 1) -> None:
    """All limits used up, evenly over the last minute."""
    await pool.open([1] * projects)
    for project in range(projects):
        await pool.declare(f"p/p{project}/*", rpm=rpm)
    for _ in range(rpm):
        await pool.acquire(projects)
        await pool.advance(60 / rpm)
    await pool.advance(-60 / rpm)


def waits(leases: list[Lease], pool: Clocked) -> list[float]:
    return [seconds_after(lease.not_before, pool.time) for lease in leases]


async def wait(pool: Clocked, client: str = "c", **fields: Any) -> Grant:
    return await pool.acquire(client_id=client, wait_budget=WAIT, **fields)


class TestReservation:
    async def test_slots_are_given_in_the_order_of_asking(self, pool: Clocked) -> None:
        await busy_pool(pool)

        leases = [lease for _ in range(5) for lease in (await wait(pool)).leases]

        assert waits(leases, pool) == [6, 12, 18, 24, 30]

    async def test_the_spans_of_a_lease_begin_with_its_slot(self, pool: Clocked) -> None:
        await busy_pool(pool)

        [lease] = (await wait(pool, lifetime=timedelta(seconds=100))).leases

        assert lease.not_before is not None
        assert lease.use_by - lease.not_before == timedelta(seconds=5)
        assert lease.expire_time - lease.not_before == timedelta(seconds=100)

    async def test_beyond_the_budget_the_refusal_names_the_time(self, pool: Clocked) -> None:
        await busy_pool(pool)
        for _ in range(5):
            await wait(pool)

        grant = await wait(pool)

        assert grant.refusal is not None
        assert grant.refusal.reason is RefusalReason.QUOTA
        assert seconds_after(grant.refusal.retry_at, pool.time) == 36

    async def test_a_slot_given_back_is_free_again(self, pool: Clocked) -> None:
        await busy_pool(pool)
        leases = [(await wait(pool)).leases[0] for _ in range(5)]

        await pool.settle(leases[1], outcome=Outcome.UNUSED)

        assert waits(list((await wait(pool)).leases), pool) == [12]

    async def test_a_repeated_request_gets_the_same_slot(self, pool: Clocked) -> None:
        await busy_pool(pool)

        first = await wait(pool, request_id="a/1")
        second = await wait(pool, request_id="a/1")

        assert first.leases[0].not_before is not None
        assert second.leases == first.leases
        assert waits(list((await wait(pool)).leases), pool) == [12]

    async def test_who_comes_later_without_waiting_takes_no_reserved_slot(
        self, pool: Clocked
    ) -> None:
        await busy_pool(pool)
        await wait(pool)

        await pool.advance(6)

        assert await pool.granted() == 0

    async def test_the_earliest_of_all_projects_is_taken(self, pool: Clocked) -> None:
        await pool.open([1] * 3)
        for project in ("p1", "p2", "p0"):
            await pool.declare(f"p/{project}/*", rpm=1)
            await pool.one(wishes=Wishes(required_project=project))
            await pool.advance(10)
        await pool.advance(15)

        leases = [lease for _ in range(3) for lease in (await wait(pool)).leases]

        assert [lease.project_id for lease in leases] == ["p1", "p2"]
        assert waits(leases, pool) == [15, 25]

    async def test_a_required_project_is_waited_for(self, pool: Clocked) -> None:
        await busy_pool(pool, projects=2)
        wishes = Wishes(required_project="p1")

        leases = [lease for _ in range(3) for lease in (await wait(pool, wishes=wishes)).leases]

        assert waits(leases, pool) == [6, 12, 18]
        assert {lease.project_id for lease in leases} == {"p1"}

    async def test_nobody_waits_where_somebody_is_free(self, pool: Clocked) -> None:
        await pool.open([1, 1])
        await pool.declare("p/p0/*", rpm=1)

        leases = [lease for _ in range(4) for lease in (await wait(pool)).leases]

        assert [lease.not_before for lease in leases] == [None] * 4

    async def test_a_block_takes_what_is_free_and_reserves_the_rest(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=2)
        await pool.one()
        await pool.advance(40)

        grant = await wait(pool, count=3)

        assert [lease.not_before is None for lease in grant.leases] == [True, False]
        assert grant.refusal is not None


class TestFairness:
    async def test_who_is_alone_may_hold_all_slots(self, pool: Clocked) -> None:
        await busy_pool(pool, rpm=60)

        assert sum([len((await wait(pool)).leases) for _ in range(60)]) == 30

    async def test_a_second_client_gets_its_share(self, pool: Clocked) -> None:
        await busy_pool(pool, rpm=60)
        held = {"greedy": 0, "modest": 0}
        await wait(pool, "greedy")
        await wait(pool, "modest")
        for _ in range(40):
            for client in held:
                held[client] += len((await wait(pool, client)).leases)

        assert abs(held["greedy"] - held["modest"]) <= 1

    async def test_a_full_queue_opens_for_who_comes_later(self, pool: Clocked) -> None:
        await busy_pool(pool, rpm=60)
        for _ in range(40):
            await wait(pool, "greedy")
        got = {"greedy": 0, "modest": 0}

        for _ in range(15):
            await wait(pool, "modest")
            await pool.advance(1)
            for client in ("greedy", "modest"):
                got[client] += len((await wait(pool, client)).leases)

        # Each second frees one slot; the one who holds more than half waits.
        assert got["modest"] >= 14
        assert got["greedy"] <= 1


class TestAffinity:
    async def test_equal_hashes_stay_with_one_project(self, pool: Clocked) -> None:
        await pool.open([1] * 20)

        for affinity in (1, 2**63, 2**40 + 7):
            served = {(await pool.one(affinity_hash=affinity)).project_id for _ in range(10)}
            assert len(served) == 1

    async def test_different_hashes_spread(self, pool: Clocked) -> None:
        await pool.open([1] * 50)

        served = {
            (await pool.one(affinity_hash=number * 0x9E3779B97F4A7C15 % 2**64)).project_id
            for number in range(1, 200)
        }

        assert len(served) > 25

    async def test_a_busy_favourite_is_left_for_another_that_is_then_preferred(
        self, pool: Clocked
    ) -> None:
        await pool.open([1] * 10)
        first = (await pool.one(affinity_hash=9)).project_id
        await pool.declare(f"p/{first}/*", rpm=1)

        served = [(await pool.one(affinity_hash=9)).project_id for _ in range(5)]

        assert first not in served
        assert len(set(served)) == 1

    async def test_a_favourite_that_was_left_out_is_not_chosen(self, pool: Clocked) -> None:
        await pool.open([1] * 10)
        first = (await pool.one(affinity_hash=9)).project_id

        other = await pool.one(affinity_hash=9, wishes=Wishes(excluded_projects=(first,)))

        assert other.project_id != first
