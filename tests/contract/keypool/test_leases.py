"""Leases and outcomes: each counts once, whatever is lost, late or repeated."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from services.judging import Effect
from services.keypool.identity import LeaseName
from services.keypool.model import Lease, Outcome, RefusalReason, SettleKind, Wishes
from services.keypool.redis_keys import pool_key
from services.keypool.store import OutcomeRow
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.orders import new_keys, order, settled
from tests.support.waiting import eventually

BRIEF = timedelta(milliseconds=40)


@pytest.fixture
async def pool(stores: Stores) -> str:
    await stores.admin.create("default", new_keys([1, 1, 1]))
    return "default"


async def one(stores: Stores, **fields: object) -> Lease:
    grant = await stores.leasing.acquire(order(**fields), ())
    [lease] = grant.leases
    return lease


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

    async def now() -> datetime:
        seconds, micros = await stores.redis.time()
        return datetime.fromtimestamp(seconds + micros / 1e6, UTC)

    await eventually(now, lambda time: time > lease.expire_time)


@pytest.mark.usefixtures("pool")
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


@pytest.mark.usefixtures("pool")
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


class TestRefusal:
    async def test_an_empty_pool_says_so(self, stores: Stores) -> None:
        grant = await stores.leasing.acquire(order(), ())

        assert grant.refusal is not None
        assert grant.refusal.reason is RefusalReason.POOL_EMPTY
        assert (grant.refusal.retry_at, grant.stock_size) == (None, 0)

    async def test_excluding_all_leaves_no_live_key(self, stores: Stores, pool: str) -> None:
        wishes = Wishes(excluded_projects=("p0", "p1", "p2"))

        grant = await stores.leasing.acquire(order(pool=pool, wishes=wishes), ())

        assert grant.refusal is not None
        assert grant.refusal.reason is RefusalReason.NO_LIVE_KEY
        assert grant.refusal.retry_at is None

    async def test_all_cooling_says_when_the_first_is_back(self, stores: Stores, pool: str) -> None:
        before = await store_time(stores)
        leases = (await stores.leasing.acquire(order(count=3), ())).leases
        rows = [cooled(lease, seconds) for lease, seconds in zip(leases, [50, 20, 40], strict=True)]
        await stores.leases.settle(rows, pool, 0)

        grant = await stores.leasing.acquire(order(), ())

        after = await store_time(stores)
        refusal = grant.refusal
        assert refusal is not None
        assert refusal.retry_at is not None
        assert refusal.reason is RefusalReason.QUOTA
        delay = timedelta(seconds=20)
        assert before + delay <= refusal.retry_at + timedelta(milliseconds=1)
        assert refusal.retry_at <= after + delay

    async def test_an_excluded_project_does_not_set_the_time(
        self, stores: Stores, pool: str
    ) -> None:
        leases = (await stores.leasing.acquire(order(count=3), ())).leases
        rows = [cooled(lease, seconds) for lease, seconds in zip(leases, [10, 20, 40], strict=True)]
        await stores.leases.settle(rows, pool, 0)
        now = await store_time(stores)
        wishes = Wishes(excluded_projects=(leases[0].project_id,))

        grant = await stores.leasing.acquire(order(wishes=wishes), ())

        assert grant.refusal is not None
        assert grant.refusal.retry_at is not None
        assert grant.refusal.retry_at > now + timedelta(seconds=15)

    async def test_a_cooled_required_project_says_when_and_where_else(
        self, stores: Stores, pool: str
    ) -> None:
        lease = await one(stores)
        await stores.leases.settle([cooled(lease, 30)], pool, 0)

        grant = await stores.leasing.acquire(
            order(wishes=Wishes(required_project=lease.project_id)), ()
        )

        assert grant.refusal is not None
        assert grant.refusal.reason is RefusalReason.OWNER_SPENT
        assert grant.refusal.retry_at is not None
        assert grant.refusal.target_project in {"p0", "p1", "p2"} - {lease.project_id}

    async def test_a_search_past_many_cooling_projects_ends(self, stores: Stores) -> None:
        await stores.admin.create("big", new_keys([1] * 400))
        await stores.leasing.acquire(order(pool="big", count=64), ())
        for number in range(399):
            # Cooled for all models: each is found out only when its turn comes.
            await cool_project(stores, "big", f"p{number}")

        grants = [await stores.leasing.acquire(order(pool="big"), ()) for _ in range(3)]

        served = [lease.project_id for grant in grants for lease in grant.leases]
        assert set(served) == {"p399"}


@pytest.mark.usefixtures("pool")
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


def name_of(lease: Lease) -> LeaseName:
    raw = lease.lease_id.rpartition("/")[0]
    _, pool, model, project, key_id, client, _ = raw.split("/")
    return LeaseName(raw, pool, model, project, key_id, client)


def cooled(lease: Lease, seconds: float) -> OutcomeRow:
    name = name_of(lease)
    return OutcomeRow(
        raw_id=name.raw,
        report_id="",
        pool=name.pool,
        key_id=name.key_id,
        project_id=name.project_id,
        model=name.model,
        outcome=Outcome.FAILED,
        effect=Effect.COOL_MODEL,
        cool_for=timedelta(seconds=seconds),
        rule_id="quota.minute",
    )


async def cool_project(stores: Stores, pool: str, project: str) -> None:
    until = int((await store_time(stores)).timestamp() * 1000) + 60_000
    await stores.redis.hset(pool_key(pool, "project", project), "cool_until", until)
    await stores.redis.hset(pool_key(pool, "counters"), "cooling", until)


async def store_time(stores: Stores) -> datetime:
    seconds, micros = await stores.redis.time()
    return datetime.fromtimestamp(seconds + micros / 1e6, UTC)


async def round_trips(redis: Redis) -> int:
    """Return how often the server found something to read, this question included."""
    stats = await redis.info("stats")
    return int(stats["total_reads_processed"])
