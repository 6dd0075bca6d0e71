"""Leases and outcomes: each counts once, whatever is lost, late or repeated."""

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from services.keypool.model import Lease, Outcome, SettleKind, Wishes
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.leasing_steps import name_of, one, store_time
from tests.contract.keypool.orders import new_keys, order, settled
from tests.support.waiting import eventually

BRIEF = timedelta(milliseconds=40)


async def settle(stores: Stores, lease: Lease, outcome: Outcome = Outcome.SUCCEEDED) -> SettleKind:
    [result], _ = await stores.leasing.settle([settled(lease, outcome)], (), "default", 0)
    return result.kind


async def in_flight(stores: Stores) -> int:
    rows = await stores.keys.list_after("default", "", 100)
    return sum(row.in_flight for row in rows)


async def successes(stores: Stores) -> int:
    rows = await stores.keys.list_after("default", "", 100)
    return sum(row.successes for row in rows)


async def outlive(stores: Stores, lease: Lease) -> None:
    """Wait until a lease has lapsed by the store's clock."""
    await eventually(lambda: store_time(stores), lambda time: time > lease.expire_time)


@pytest.mark.usefixtures("filled")
class TestSettle:
    async def test_an_open_lease_is_counted_in_flight_until_it_is_settled(
        self, stores: Stores
    ) -> None:
        lease = await one(stores)
        before = await in_flight(stores)

        await settle(stores, lease)

        assert (before, await in_flight(stores)) == (1, 0)

    async def test_settling_twice_counts_once(self, stores: Stores) -> None:
        lease = await one(stores)

        kinds = [await settle(stores, lease), await settle(stores, lease)]

        assert kinds == [SettleKind.SETTLED, SettleKind.REPEATED]
        assert await successes(stores) == 1

    async def test_settling_twice_in_one_batch_counts_once(self, stores: Stores) -> None:
        lease = await one(stores)

        results, _ = await stores.leasing.settle([settled(lease)] * 2, (), "default", 0)

        assert [result.kind for result in results] == [SettleKind.SETTLED, SettleKind.REPEATED]

    async def test_a_lapsed_lease_is_not_in_flight(self, stores: Stores) -> None:
        lease = await one(stores, lifetime=BRIEF)

        await outlive(stores, lease)

        assert await in_flight(stores) == 0

    @pytest.mark.parametrize("is_swept", [False, True])
    async def test_a_late_outcome_counts_once(self, stores: Stores, is_swept: bool) -> None:
        lease = await one(stores, lifetime=BRIEF)
        await outlive(stores, lease)
        if is_swept:
            # The next grant of the key finds the lapsed lease and clears it away.
            assert (await one(stores, wishes=only(lease))).key_id == lease.key_id

        kinds = [await settle(stores, lease), await settle(stores, lease)]

        assert kinds == [SettleKind.LATE, SettleKind.REPEATED]
        assert await successes(stores) == 1

    async def test_a_settled_lease_that_was_renewed_is_not_late_later(self, stores: Stores) -> None:
        lease = await one(stores, lifetime=BRIEF)
        await stores.leasing.renew(lease.lease_id, timedelta(minutes=1))
        await outlive(stores, lease)

        kinds = [await settle(stores, lease), await settle(stores, lease)]

        assert kinds == [SettleKind.SETTLED, SettleKind.REPEATED]

    async def test_unused_and_abandoned_calls_are_no_successes_and_no_failures(
        self, stores: Stores
    ) -> None:
        for outcome in (Outcome.UNUSED, Outcome.ABANDONED):
            await settle(stores, await one(stores), outcome)

        rows = await stores.keys.list_after("default", "", 10)
        assert [(row.successes, row.failures) for row in rows] == [(0, 0)] * 3

    async def test_a_made_up_lease_is_unknown(self, stores: Stores) -> None:
        lease = await one(stores)
        forged = [
            lease.lease_id[:-1] + ("0" if lease.lease_id[-1] != "0" else "1"),
            lease.lease_id.replace("/m/", "/n/"),
            "no lease",
            "",
            "/" * 7,
        ]

        results, _ = await stores.leasing.settle(
            [settled(replaced(lease, text)) for text in forged], (), "default", 0
        )

        assert {result.kind for result in results} == {SettleKind.UNKNOWN}
        assert await in_flight(stores) == 1

    async def test_outcomes_of_several_pools_settle_in_one_batch(self, stores: Stores) -> None:
        await stores.admin.create("other", new_keys([0, 0, 0, 1]))
        here, there = await one(stores), await one(stores, pool="other")

        results, _ = await stores.leasing.settle(
            [settled(there), settled(here), settled(there)], (), "default", 0
        )

        assert [result.kind for result in results] == [
            SettleKind.SETTLED,
            SettleKind.SETTLED,
            SettleKind.REPEATED,
        ]


@pytest.mark.usefixtures("filled")
class TestAcquire:
    async def test_a_repeated_request_gets_the_same_leases(self, stores: Stores) -> None:
        first = await stores.leasing.acquire(order(request_id="a/1", count=5), ())
        second = await stores.leasing.acquire(order(request_id="a/1", count=5), ())

        assert second.leases == first.leases
        assert await in_flight(stores) == 5

    async def test_outcomes_sent_again_with_a_repeated_request_count_once(
        self, stores: Stores
    ) -> None:
        lease = await one(stores)

        for _ in range(2):
            await stores.leasing.acquire(order(request_id="a/1"), [settled(lease)])

        assert await successes(stores) == 1

    async def test_requests_without_a_name_get_leases_of_their_own(self, stores: Stores) -> None:
        first, second = await one(stores), await one(stores)

        assert first.lease_id != second.lease_id

    async def test_leases_are_numbered_upwards_even_after_all_data_was_lost(
        self, stores: Stores
    ) -> None:
        first = await one(stores)
        await stores.redis.flushall()
        await stores.admin.create("default", new_keys([1]))

        second = await one(stores)

        assert int(second.lease_id.partition("/")[0]) > int(first.lease_id.partition("/")[0])

    async def test_an_order_and_its_outcomes_take_one_round_trip(self, stores: Stores) -> None:
        leases = (await stores.leasing.acquire(order(count=20), ())).leases
        await stores.leasing.settle([settled(leases[0])], (), "default", 0)
        before = await round_trips(stores.redis)

        await stores.leasing.acquire(order(count=64), [settled(lease) for lease in leases])

        assert await round_trips(stores.redis) - before == 1 + 1

    async def test_settling_a_batch_takes_one_round_trip(self, stores: Stores) -> None:
        leases = (await stores.leasing.acquire(order(count=20), ())).leases
        await stores.leasing.settle([settled(leases[0])], (), "default", 0)
        before = await round_trips(stores.redis)

        await stores.leasing.settle([settled(lease) for lease in leases], (), "default", 0)

        assert await round_trips(stores.redis) - before == 1 + 1

    async def test_scripts_that_the_server_has_forgotten_are_loaded_again(
        self, stores: Stores
    ) -> None:
        lease = await one(stores)
        await stores.redis.script_flush()

        grant = await stores.leasing.acquire(order(count=2), [settled(lease)])

        assert len(grant.leases) == 2
        assert await successes(stores) == 1

    async def test_an_order_that_waits_in_stock_says_until_when(self, stores: Stores) -> None:
        hold, lifetime = timedelta(seconds=1), timedelta(seconds=10)
        lease = await one(stores, hold=hold, lifetime=lifetime)

        assert lease.expire_time - lease.use_by == lifetime

    async def test_a_required_project_is_the_only_one_chosen(self, stores: Stores) -> None:
        grant = await stores.leasing.acquire(
            order(count=10, wishes=Wishes(required_project="p1")), ()
        )

        assert {lease.project_id for lease in grant.leases} == {"p1"}
        assert len(grant.leases) == 10

    async def test_excluded_keys_are_never_chosen(self, stores: Stores) -> None:
        excluded = (await one(stores)).key_id

        grant = await stores.leasing.acquire(
            order(count=10, wishes=Wishes(excluded_keys=(excluded,))), ()
        )

        assert excluded not in {lease.key_id for lease in grant.leases}
        assert len(grant.leases) == 10


@pytest.mark.usefixtures("filled")
class TestRenew:
    async def test_a_renewed_lease_stays_open(self, stores: Stores) -> None:
        lease = await one(stores, lifetime=timedelta(seconds=5))

        end = await stores.leasing.renew(lease.lease_id, timedelta(minutes=10))

        assert end > lease.expire_time + timedelta(minutes=9)

    async def test_renewing_never_shortens(self, stores: Stores) -> None:
        lease = await one(stores)

        assert await stores.leasing.renew(lease.lease_id, BRIEF) == lease.expire_time

    async def test_only_an_open_lease_can_be_renewed(self, stores: Stores) -> None:
        lapsed = await one(stores, lifetime=BRIEF)
        ended = await one(stores)
        await settle(stores, ended)
        await outlive(stores, lapsed)

        for lease in (lapsed, ended):
            name = name_of(lease)
            assert await stores.leases.renew(name.raw, "default", name.key_id, BRIEF) is None


async def test_grants_of_many_callers_at_once_stay_exact(stores: Stores) -> None:
    await stores.admin.create("default", new_keys([1] * 9))

    grants = await asyncio.gather(*(stores.leasing.acquire(order(count=3), ()) for _ in range(90)))

    served = [lease.key_id for grant in grants for lease in grant.leases]
    assert sorted(served.count(key_id) for key_id in set(served)) == [30] * 9


def only(lease: Lease) -> Wishes:
    return Wishes(required_project=lease.project_id)


def replaced(lease: Lease, lease_id: str) -> Lease:
    return Lease(
        lease_id,
        lease.key_id,
        lease.key_alias,
        lease.project_id,
        lease.secret,
        lease.model,
        lease.use_by,
        lease.expire_time,
    )


async def round_trips(redis: Redis) -> int:
    """Return how often the server found something to read, this question included."""
    stats = await redis.info("stats")
    return int(stats["total_reads_processed"])
