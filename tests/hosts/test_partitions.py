"""A host that is still there, and that nobody can reach."""

import asyncio

import pytest

from tests.hosts.cluster import Cluster
from tests.hosts.report import note
from tests.hosts.traffic import Traffic

_SECONDS = 15


@pytest.mark.parametrize("service", ["keypool", "files"])
async def test_a_replica_that_is_cut_off_fails_no_request(cluster: Cluster, service: str) -> None:
    deployment = next(each for each in cluster.deployments() if each.name == service)
    host = deployment.replicas[0].host
    async with Traffic(cluster) as tally:
        host.cut()
        await asyncio.sleep(_SECONDS)
        host.heal()
        await tally.more(50)

    note(f"a {service} cut off for {_SECONDS} s", tally)
    assert tally.failures == []


async def test_a_master_that_is_cut_off_is_replaced(cluster: Cluster) -> None:
    async with Traffic(cluster) as tally:
        master = cluster.store.master()
        master.cut()
        await cluster.store.failed_over(master)
        await tally.more(50)
        master.heal()
        await tally.more(50)

    note("Valkey's master cut off, Sentinel's failover", tally)
    assert tally.failures == []
