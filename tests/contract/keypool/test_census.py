"""What is shown of keys and projects is what stands in the store."""

from prometheus_client import REGISTRY

from services.judging import Evidence, Operation, Phase
from services.keypool.catalog import KeyChange, KeyState
from services.keypool.census import Census
from services.keypool.model import Outcome, Settlement
from services.keypool.redis_census_store import RedisCensusStore
from services.keypool.redis_scripts import RedisPort
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.orders import new_keys, order
from tests.unit.judging import bodies


async def shown(stores: Stores, name: str) -> dict[tuple[str, ...], float]:
    """Return what a metric tells after a census."""
    await Census(RedisCensusStore(RedisPort(stores.redis)), stores.keys).take()
    [metric] = [each for each in REGISTRY.collect() if each.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in metric.samples}


async def test_keys_are_counted_by_their_state(stores: Stores) -> None:
    [(first, _), *_] = await stores.admin.create("default", new_keys([2, 1]))
    await stores.admin.create("other-pool", new_keys([0, 0, 1]))
    await stores.admin.change(first.key_id, KeyChange(state=KeyState.PAUSED.value))

    assert await shown(stores, "keypool_keys") == {
        ("default", "active"): 2,
        ("default", "paused"): 1,
        ("other-pool", "active"): 1,
    }
    assert await shown(stores, "keypool_projects") == {("default",): 2, ("other-pool",): 1}


async def test_all_keys_are_counted_in_several_steps(stores: Stores) -> None:
    await stores.admin.create("default", new_keys([1] * 600))

    assert await shown(stores, "keypool_keys") == {("default", "active"): 600}


async def test_a_project_at_its_limit_waits_in_that_model_alone(
    stores: Stores, filled: None
) -> None:
    grant = await stores.leasing.acquire(order(model="gemini-2.5-pro"), [])
    await stores.leasing.acquire(order(model="gemini-2.5-flash"), [])
    evidence = Evidence(Phase.ANSWERED, Operation.GENERATE, 429, bodies.quota(bodies.PER_MINUTE))
    failed = Settlement(grant.leases[0].lease_id, Outcome.FAILED, evidence)
    await stores.leasing.settle([failed], [], "default", 0)

    assert await shown(stores, "keypool_projects_waiting") == {
        ("default", "gemini-2.5-flash"): 0,
        ("default", "gemini-2.5-pro"): 1,
    }


async def test_what_is_gone_is_shown_no_more(stores: Stores) -> None:
    await stores.admin.create("default", new_keys([1]))
    await shown(stores, "keypool_keys")
    await stores.redis.flushall()

    assert await shown(stores, "keypool_keys") == {}
