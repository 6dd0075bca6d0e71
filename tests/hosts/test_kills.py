"""A power cut of any host."""

import re

import pytest

from tests.hosts.cluster import Cluster
from tests.hosts.report import note
from tests.hosts.traffic import Traffic

# A connection that was open is lost with the host; nothing else may be.
_OWN_CONNECTION = re.compile(
    r"(ReadError|RemoteProtocolError|WriteError|ConnectError|ReadTimeout|AssertionError the upload)"
)
_CLIENTS = 17


@pytest.mark.parametrize("service", ["keypool", "files"])
async def test_a_killed_host_fails_nothing(cluster: Cluster, service: str) -> None:
    deployment = next(each for each in cluster.deployments() if each.name == service)
    async with Traffic(cluster) as tally:
        for _ in range(2):
            await deployment.kill(deployment.replicas[0])

    note(f"kill -9 of {service}, twice", tally)
    assert tally.failures == []


async def test_a_killed_edge_takes_its_own_connections_with_it(cluster: Cluster) -> None:
    async with Traffic(cluster) as tally:
        await cluster.edge.kill(cluster.edge.replicas[0])

    note("kill -9 of an edge", tally)
    assert len(tally.failures) <= _CLIENTS
    assert all(_OWN_CONNECTION.search(failure) for failure in tally.failures), tally.failures


async def test_the_loss_of_the_store_s_master_fails_nothing(cluster: Cluster) -> None:
    async with Traffic(cluster) as tally:
        lost = cluster.store.master()
        lost.kill()
        await cluster.store.failed_over(lost)
        await tally.more(50)

    note("kill -9 of Valkey's master, Sentinel's failover", tally)
    assert tally.failures == []
