"""The rotation is exact, whatever is asked for and whatever is returned."""

from collections import Counter
from collections.abc import Iterable
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.keypool.model import Lease, Outcome, Wishes
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.orders import new_keys, order, settled

POOLS = count()
SMALL = st.integers(1, 3) | st.integers(1, 20)
SHARED = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def spread(counts: Counter[str], names: Iterable[str]) -> int:
    values = [counts[name] for name in names]
    return max(values) - min(values)


async def fresh_pool(stores: Stores, projects: list[int]) -> str:
    pool = f"pool{next(POOLS)}"
    # Ids are derived from the secrets, so each pool takes over the same keys.
    await stores.redis.flushdb()
    await stores.admin.create(pool, new_keys(projects))
    return pool


async def acquire(stores: Stores, pool: str, number: int, **fields: object) -> tuple[Lease, ...]:
    grant = await stores.leasing.acquire(order(pool=pool, count=number, **fields), ())
    assert len(grant.leases) == number, grant.refusal
    return grant.leases


@SHARED
@given(data=st.data())
async def test_nine_keys_serve_nine_hundred_requests_a_hundred_each(
    stores: Stores, data: st.DataObject
) -> None:
    pool = await fresh_pool(stores, [1] * 9)
    served: Counter[str] = Counter()
    left = 900

    while left:
        number = data.draw(st.integers(1, min(64, left)))
        left -= number
        served.update(lease.key_id for lease in await acquire(stores, pool, number))

    assert sorted(served.values()) == [100] * 9


@SHARED
@given(data=st.data())
async def test_turns_differ_by_one_at_most_after_any_mix_of_use_and_return(
    stores: Stores, data: st.DataObject
) -> None:
    projects = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=7))
    pool = await fresh_pool(stores, projects)
    names = [f"p{number}" for number in range(len(projects))]
    used: Counter[str] = Counter()
    owed: Counter[str] = Counter()
    is_open: list[Lease] = []

    for _ in range(data.draw(st.integers(1, 25))):
        is_settling = data.draw(st.booleans())
        if is_open and is_settling:
            chosen = data.draw(st.lists(st.sampled_from(is_open), max_size=10, unique=True))
            unused = data.draw(st.booleans())
            outcome = Outcome.UNUSED if unused else Outcome.SUCCEEDED
            await stores.leasing.settle([settled(lease, outcome) for lease in chosen], (), pool, 0)
            is_open = [lease for lease in is_open if lease not in chosen]
            if unused:
                used.subtract(lease.project_id for lease in chosen)
                owed.update(lease.project_id for lease in chosen)
            continue
        for lease in await acquire(stores, pool, data.draw(SMALL)):
            # A returned turn goes before anybody's next one.
            assert owed[lease.project_id] or not +owed
            owed[lease.project_id] = max(0, owed[lease.project_id] - 1)
            used[lease.project_id] += 1
            is_open.append(lease)

        assert spread(used + owed, names) <= 1

    if left := sum(owed.values()):
        used.update(lease.project_id for lease in await acquire(stores, pool, left))
    assert spread(used, names) <= 1


@SHARED
@given(keys=st.integers(1, 6), counts=st.lists(st.integers(1, 64), min_size=1, max_size=6))
async def test_keys_of_one_project_take_turns(stores: Stores, keys: int, counts: list[int]) -> None:
    pool = await fresh_pool(stores, [keys])
    served: Counter[str] = Counter()

    for number in counts:
        served.update(lease.key_id for lease in await acquire(stores, pool, number))

    assert len(served) == min(keys, sum(counts))
    assert max(served.values()) - (min(served.values()) if len(served) == keys else 0) <= 1


async def test_a_key_that_joins_another_takes_turns_with_it(stores: Stores) -> None:
    pool = await fresh_pool(stores, [1])
    await acquire(stores, pool, 30)
    await stores.admin.create(pool, new_keys([2]))

    served = Counter(lease.key_id for lease in await acquire(stores, pool, 40))

    assert sorted(served.values()) == [20, 20]


async def test_models_rotate_independently(stores: Stores) -> None:
    pool = await fresh_pool(stores, [1] * 3)
    await acquire(stores, pool, 1, model="a")

    served = await acquire(stores, pool, 3, model="b")

    assert len({lease.project_id for lease in served}) == 3


async def test_a_key_that_joins_gets_one_turn_in_each_round(stores: Stores) -> None:
    pool = await fresh_pool(stores, [1] * 3)
    await acquire(stores, pool, 30)
    await stores.admin.create(pool, new_keys([0, 0, 0, 1]))

    served = Counter(lease.project_id for lease in await acquire(stores, pool, 40))

    assert served == {"p0": 10, "p1": 10, "p2": 10, "p3": 10}


async def test_a_returned_turn_is_used_before_the_next_one(stores: Stores) -> None:
    pool = await fresh_pool(stores, [1] * 3)
    first = await acquire(stores, pool, 2)
    await stores.leasing.settle([settled(first[0], Outcome.UNUSED)], (), pool, 0)

    second = await acquire(stores, pool, 2)

    assert [lease.project_id for lease in second] == [first[0].project_id, "p2"]


@pytest.mark.parametrize("excluded", [0, 1, 5, 8])
async def test_excluded_projects_are_skipped_and_keep_their_turn(
    stores: Stores, excluded: int
) -> None:
    pool = await fresh_pool(stores, [1] * 9)
    names = {f"p{number}" for number in range(excluded)}
    wishes = Wishes(excluded_projects=tuple(names))

    first = await acquire(stores, pool, 9 - excluded, wishes=wishes)
    second = await acquire(stores, pool, excluded) if excluded else ()

    assert not names & {lease.project_id for lease in first}
    assert {lease.project_id for lease in second} == names


async def test_a_thousand_projects_are_all_met_once_a_round(stores: Stores) -> None:
    pool = await fresh_pool(stores, [1] * 1000)

    served: Counter[str] = Counter()

    for _ in range(40):
        served.update(lease.project_id for lease in await acquire(stores, pool, 50))

    assert set(served.values()) == {2}
    assert len(served) == 1000
