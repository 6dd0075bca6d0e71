"""A rolling restart of anything: nothing fails."""

import pytest

from tests.hosts.cluster import Cluster
from tests.hosts.report import note
from tests.hosts.traffic import Traffic


@pytest.mark.parametrize("service", ["keypool", "files", "edge"])
async def test_a_rolling_restart_fails_nothing(cluster: Cluster, service: str) -> None:
    deployment = next(each for each in cluster.deployments() if each.name == service)
    async with Traffic(cluster) as tally:
        await deployment.restart()

    note(f"rolling restart of {service}", tally)
    assert tally.failures == []
