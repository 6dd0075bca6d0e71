"""The contract of the stores once more, over a real cluster that refuses a script two slots."""

import asyncio
import hashlib
from collections.abc import Iterator

import pytest
from redis.exceptions import ResponseError

from services.keypool.catalog import NewKey
from services.keypool.model import Lease, SettleKind
from services.keypool.redis_scripts import Call, RedisPort, Script
from tests.contract.keypool import test_leases, test_refusals, test_rotation
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.one_slot import strict
from tests.contract.keypool.orders import new_keys, order, settled
from tests.support.valkey_topologies import ValkeyCluster

SUITES = (test_leases, test_refusals, test_rotation)


@pytest.fixture
def redis_url(cluster: ValkeyCluster) -> str:
    cluster.flush()
    return cluster.url


@pytest.fixture(autouse=True)
def one_slot_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RedisPort, "run", strict(set()))


@pytest.fixture(autouse=True)
def reads_of_the_home(cluster: ValkeyCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Count round trips on the server that the default pool lives on."""
    with cluster.master_of("{default}").client() as client:

        async def round_trips(_: object) -> int:
            count: int = client.info("stats")["total_reads_processed"]
            return count

        monkeypatch.setattr(test_leases, "round_trips", round_trips)
        yield


# All that these modules define: tests, classes of tests, and their fixtures.
for suite in SUITES:
    own = {
        name: value
        for name, value in vars(suite).items()
        if getattr(value, "__module__", "") == suite.__name__
    }
    globals().update(own)


async def test_the_rule_refuses_a_second_slot_of_the_same_server(
    stores: Stores, cluster: ValkeyCluster
) -> None:
    text = "redis.call('SET', KEYS[1], 1) redis.call('SET', ARGV[1], 1)"
    script = Script(text, hashlib.sha1(text.encode()).hexdigest())
    home = cluster.master_of("{one}")
    [other, *_] = [
        tag for tag in map("{{{}}}".format, range(100)) if cluster.master_of(tag) is home
    ]

    with pytest.raises(ResponseError, match="same slot"):
        await RedisPort(stores.redis).run(Call(script, "{one}", (other,)))


async def test_outcomes_of_pools_on_all_servers_are_settled_in_one_call(
    stores: Stores, cluster: ValkeyCluster
) -> None:
    by_server = {cluster.master_of(f"{{p{number}}}").port: f"p{number}" for number in range(50)}
    assert len(by_server) == len(cluster.masters)
    leases: list[Lease] = []
    for number, pool in enumerate(by_server.values()):
        await stores.admin.create(pool, [NewKey(f"AIzaSyTest-{number}-0123456789")])
        leases += (await stores.leasing.acquire(order(pool=pool), ())).leases

    results, _ = await stores.leasing.settle([settled(lease) for lease in leases], (), "p0", 0)

    assert [result.kind for result in results] == [SettleKind.SETTLED] * len(by_server)
    rows = await stores.keys.list_after("", "", 100)
    assert [(row.successes, row.in_flight) for row in rows] == [(1, 0)] * len(by_server)


async def test_a_script_that_a_server_lost_is_sent_again(
    stores: Stores, cluster: ValkeyCluster
) -> None:
    await stores.admin.create("default", new_keys([2, 2]))
    for node in cluster.masters:
        with node.client() as client:
            client.script_flush()

    grants = await asyncio.gather(*(stores.leasing.acquire(order(), ()) for _ in range(20)))

    assert len({lease.lease_id for grant in grants for lease in grant.leases}) == 20
