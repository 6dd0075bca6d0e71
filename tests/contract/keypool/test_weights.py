"""Turns in proportion to weights, and nothing else changes."""

from collections import Counter
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.keypool.catalog import KeyChange, NewKey
from services.keypool.model import Lease, Outcome
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.orders import order, settled

POOLS = count()
WEIGHTS = st.lists(st.integers(1, 4) | st.integers(1, 40), min_size=1, max_size=8)
SHARED = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def fresh_pool(stores: Stores, weights: list[list[int]]) -> tuple[str, dict[str, int]]:
    """Return a pool with a project for each list, and the weight of each key."""
    pool = f"pool{next(POOLS)}"
    await stores.redis.flushdb()
    by_key: dict[str, int] = {}
    for project, keys in enumerate(weights):
        for number, weight in enumerate(keys):
            secret = f"AIzaSyTest-{project:04d}-{number:04d}-0123456789"
            [(key, _)] = await stores.admin.create(
                pool, [NewKey(secret, f"p{project}", weight=weight)]
            )
            by_key[key.key_id] = weight
    return pool, by_key


async def acquire(stores: Stores, pool: str, number: int, **fields: Any) -> list[Lease]:
    leases: list[Lease] = []
    while len(leases) < number:
        grant = await stores.leasing.acquire(
            order(pool=pool, count=min(64, number - len(leases)), **fields), ()
        )
        assert grant.leases, grant.refusal
        leases += grant.leases
    return leases


def check_shares(served: Counter[str], weights: dict[str, int]) -> None:
    """Each has its share of the turns, to within one weight."""
    turns, whole = served.total(), sum(weights.values())
    for name, weight in weights.items():
        assert abs(served[name] - turns * weight / whole) <= weight + 1e-9, (name, served, weights)


@SHARED
@given(weights=WEIGHTS, data=st.data())
async def test_projects_get_turns_in_proportion_to_their_weights(
    stores: Stores, weights: list[int], data: st.DataObject
) -> None:
    pool, _ = await fresh_pool(stores, [[weight] for weight in weights])
    by_project = {f"p{number}": weight for number, weight in enumerate(weights)}
    served: Counter[str] = Counter()

    for _ in range(data.draw(st.integers(1, 12))):
        number = data.draw(st.integers(1, 3) | st.integers(1, 64))
        served.update(lease.project_id for lease in await acquire(stores, pool, number))

        check_shares(served, by_project)


@SHARED
@given(weights=WEIGHTS, data=st.data())
async def test_keys_of_a_project_get_turns_in_proportion_to_theirs(
    stores: Stores, weights: list[int], data: st.DataObject
) -> None:
    pool, by_key = await fresh_pool(stores, [weights])
    served: Counter[str] = Counter()

    for _ in range(data.draw(st.integers(1, 12))):
        number = data.draw(st.integers(1, 3) | st.integers(1, 64))
        served.update(lease.key_id for lease in await acquire(stores, pool, number))

        check_shares(served, by_key)


@SHARED
@given(weight=st.integers(1, 1000), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8))
async def test_equal_weights_are_as_good_as_none(
    stores: Stores, weight: int, sizes: list[int]
) -> None:
    pool, _ = await fresh_pool(stores, [[weight]] * 5)
    served: Counter[str] = Counter({f"p{number}": 0 for number in range(5)})

    for number in sizes:
        served.update(lease.project_id for lease in await acquire(stores, pool, number))

        assert max(served.values()) - min(served.values()) <= 1


async def test_a_project_is_as_heavy_as_the_heaviest_of_its_keys_in_use(stores: Stores) -> None:
    pool, by_key = await fresh_pool(stores, [[1, 6, 3], [1]])
    heaviest = max(by_key, key=lambda key_id: by_key[key_id])

    async def turns(number: int) -> tuple[int, int]:
        served = Counter(lease.project_id for lease in await acquire(stores, pool, number))
        return served["p0"], served["p1"]

    found = [await turns(70)]
    await stores.keys.change(pool, heaviest, KeyChange(state="paused"))
    found.append(await turns(40))
    await stores.keys.change(pool, heaviest, KeyChange(state="active", weight=9))
    found.append(await turns(100))
    await stores.keys.change(pool, heaviest, KeyChange(weight=1))
    found.append(await turns(40))

    for served, share in zip(found, (6 / 7, 3 / 4, 9 / 10, 3 / 4), strict=True):
        assert abs(served[0] - sum(served) * share) <= 9, (found, share)


async def test_a_heavy_project_goes_in_between_the_others(stores: Stores) -> None:
    pool, _ = await fresh_pool(stores, [[5], *([1] for _ in range(20))])

    served = [lease.project_id for lease in await acquire(stores, pool, 125)]

    turns = [at for at, project in enumerate(served) if project == "p0"]
    gaps = [later - earlier for earlier, later in pairwise(turns)]
    assert len(turns) == 25
    assert min(gaps) >= 3, served


async def test_a_key_that_was_full_makes_up_for_nothing(stores: Stores) -> None:
    pool, (one, other) = await fresh_pool(stores, [[1, 1]])
    await stores.keys.change(pool, one, KeyChange(max_in_flight=1))
    [held] = [lease for lease in await acquire(stores, pool, 2) if lease.key_id == one]
    assert {lease.key_id for lease in await acquire(stores, pool, 20)} == {other}
    await stores.keys.change(pool, one, KeyChange(max_in_flight=0))
    await stores.leasing.settle([settled(held)], (), pool, 0)

    served = Counter(lease.key_id for lease in await acquire(stores, pool, 20))

    assert served == {one: 10, other: 10}


async def test_the_higher_priority_goes_first_whatever_the_weights(stores: Stores) -> None:
    pool, (heavy, first) = await fresh_pool(stores, [[50, 1]])
    await stores.keys.change(pool, first, KeyChange(priority=1))

    assert {lease.key_id for lease in await acquire(stores, pool, 30)} == {first}

    # Nor does the one that was passed over make up for it.
    await stores.keys.change(pool, first, KeyChange(priority=0))
    await stores.keys.change(pool, heavy, KeyChange(weight=1))
    served = Counter(lease.key_id for lease in await acquire(stores, pool, 20))
    assert served == {heavy: 10, first: 10}


@pytest.mark.parametrize("weight", [1, 7])
async def test_turns_that_came_back_are_used_first(stores: Stores, weight: int) -> None:
    pool, _ = await fresh_pool(stores, [[weight], [1], [1]])
    await acquire(stores, pool, 30)
    back = [lease for lease in await acquire(stores, pool, 9) if lease.project_id == "p1"]
    unused = [settled(lease, Outcome.UNUSED) for lease in back]
    await stores.leasing.settle(unused, (), pool, 0)

    served = [lease.project_id for lease in await acquire(stores, pool, len(back))]

    assert served == ["p1"] * len(back)
    assert back


async def test_a_weight_of_one_takes_no_room(stores: Stores) -> None:
    pool, _ = await fresh_pool(stores, [[1, 1], [1]])
    await acquire(stores, pool, 64)

    names = [name async for name in stores.redis.scan_iter("*")]

    assert not [name for name in names if b"}:h:" in name or b"}:p:" in name]
