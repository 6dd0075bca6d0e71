"""The contract of the stores once more, over a real cluster that refuses a script two slots.

A server lets a plain script reach for any key that happens to be its own. One
that begins with `#!lua` may only touch keys of one slot, so here all do.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import ResponseError

from services.keypool.catalog import NewKey
from services.keypool.model import Lease, SettleKind
from services.keypool.redis_scripts import Call, RedisPort, Script
from tests.contract.keypool import test_leases, test_refusals, test_rotation
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.orders import new_keys, order, settled
from tests.support.valkey_topologies import ValkeyCluster, started_cluster

SUITES = (test_leases, test_refusals, test_rotation)


@pytest.fixture(scope="module")
def cluster() -> Iterator[ValkeyCluster]:
    with started_cluster() as running:
        yield running


@pytest.fixture
def redis_url(cluster: ValkeyCluster) -> str:
    cluster.flush()
    return cluster.url


@pytest.fixture(autouse=True)
def one_slot_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    run = RedisPort.run

    async def strict(self: RedisPort, *calls: Call) -> list[Any]:
        return await run(self, *(replace(call, script=one_slot(call.script)) for call in calls))

    monkeypatch.setattr(RedisPort, "run", strict)


@pytest.fixture(autouse=True)
def reads_of_the_home(cluster: ValkeyCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Count round trips on the server that the default pool lives on."""
    with cluster.master_of("{default}").client() as client:

        async def round_trips(_: object) -> int:
            count: int = client.info("stats")["total_reads_processed"]
            return count

        monkeypatch.setattr(test_leases, "round_trips", round_trips)
        yield


def one_slot(script: Script) -> Script:
    text = f"#!lua\n{script.text}"
    return Script(text, hashlib.sha1(text.encode()).hexdigest())


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
