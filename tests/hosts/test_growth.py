"""What operators do to a running system."""

import time

import httpx

from tests.hosts.cluster import Cluster
from tests.hosts.report import note, remark
from tests.hosts.traffic import Traffic
from tests.support.load import GENERATE
from tests.support.waiting import eventually

_SHARE = 0.2
"""Of the calls of three replicas, at the least."""


async def test_a_third_key_pool_gets_its_share_within_ten_seconds(cluster: Cluster) -> None:
    async with Traffic(cluster) as tally:
        await cluster.keypool.scale(3)
        ready_at = time.monotonic()
        third = cluster.keypool.replicas[-1]

        async def share() -> float:
            before = await cluster.calls(cluster.keypool)
            await tally.more(40)
            after = await cluster.calls(cluster.keypool)
            made = {name: after[name] - before[name] for name in after}
            return made[third.host.name] / sum(made.values())

        found = await eventually(share, lambda part: part >= _SHARE, seconds=30)
        took = time.monotonic() - ready_at

    note("a third key pool", tally)
    remark(f"the third key pool had {found:.0%} of the calls {took:.0f} s after it was ready")
    assert tally.failures == []
    assert took <= 10


async def test_certificates_change_without_a_failed_request(cluster: Cluster) -> None:
    async with Traffic(cluster) as tally:
        for service in cluster.certificates:
            cluster.issue(service)
            await tally.more(60)
        # Connections live for some seconds: by now all were made with the new ones.
        await tally.more(200)

    note("new certificates for every service", tally)
    assert tally.failures == []


async def test_settings_change_without_a_failed_request(cluster: Cluster) -> None:
    async with Traffic(cluster) as tally:
        cluster.live_settings.put({"edge.env": "MAX_BODY_BYTES=1000000"})
        await eventually(lambda: _refusals(cluster), lambda found: found == [413, 413], seconds=30)
        await tally.more(100)

    note("a changed setting of the edge", tally)
    assert tally.failures == []


async def _refusals(cluster: Cluster) -> list[int]:
    """Return what each edge says to a body that is too large by the new setting."""
    body = b" " * 1_500_000
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as client:
        return [
            (
                await client.post(
                    f"http://{replica.host.address}:8000{GENERATE}",
                    content=body,
                    headers={"authorization": f"Bearer {cluster.token}"},
                )
            ).status_code
            for replica in cluster.edge.replicas
        ]
