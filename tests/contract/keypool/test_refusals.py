"""Why leases are not granted, and when asking again helps."""

from datetime import timedelta

import pytest

from services.judging import Effect
from services.keypool.model import Lease, Outcome, RefusalReason, Wishes
from services.keypool.redis_keys import pool_key
from services.keypool.store import OutcomeRow
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.leasing_steps import name_of, one, store_time
from tests.contract.keypool.orders import new_keys, order


async def test_an_empty_pool_says_so(stores: Stores) -> None:
    grant = await stores.leasing.acquire(order(), ())

    assert grant.refusal is not None
    assert grant.refusal.reason is RefusalReason.POOL_EMPTY
    assert (grant.refusal.retry_at, grant.stock_size) == (None, 0)


@pytest.mark.usefixtures("filled")
class TestRefusal:
    async def test_excluding_all_leaves_no_live_key(self, stores: Stores) -> None:
        wishes = Wishes(excluded_projects=("p0", "p1", "p2"))

        grant = await stores.leasing.acquire(order(wishes=wishes), ())

        assert grant.refusal is not None
        assert grant.refusal.reason is RefusalReason.NO_LIVE_KEY
        assert grant.refusal.retry_at is None

    async def test_all_cooling_says_when_the_first_is_back(self, stores: Stores) -> None:
        before = await store_time(stores)
        leases = (await stores.leasing.acquire(order(count=3), ())).leases
        rows = [cooled(lease, seconds) for lease, seconds in zip(leases, [50, 20, 40], strict=True)]
        await stores.leases.settle(rows, "default", 0)

        grant = await stores.leasing.acquire(order(), ())

        after = await store_time(stores)
        refusal = grant.refusal
        assert refusal is not None
        assert refusal.retry_at is not None
        assert refusal.reason is RefusalReason.QUOTA
        delay = timedelta(seconds=20)
        assert before + delay <= refusal.retry_at + timedelta(milliseconds=1)
        assert refusal.retry_at <= after + delay

    async def test_an_excluded_project_does_not_set_the_time(self, stores: Stores) -> None:
        leases = (await stores.leasing.acquire(order(count=3), ())).leases
        rows = [cooled(lease, seconds) for lease, seconds in zip(leases, [10, 20, 40], strict=True)]
        await stores.leases.settle(rows, "default", 0)
        now = await store_time(stores)
        wishes = Wishes(excluded_projects=(leases[0].project_id,))

        grant = await stores.leasing.acquire(order(wishes=wishes), ())

        assert grant.refusal is not None
        assert grant.refusal.retry_at is not None
        assert grant.refusal.retry_at > now + timedelta(seconds=15)

    async def test_a_cooled_required_project_says_when_and_where_else(self, stores: Stores) -> None:
        lease = await one(stores)
        await stores.leases.settle([cooled(lease, 30)], "default", 0)

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
