"""Callers of several replicas: who gets how much, and what callers notice of a change."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from services.kit.grpc_line import CLIENT_LINE, SERVER_LINE
from tests.support.calling import Callers
from tests.support.dns import NameServer, name_server
from tests.support.keypool_process import KeypoolProcess, keypool_process
from tests.support.ports import free_port
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

NAME = "keypool-headless.test"
HOSTS = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
CALLS = 600


class Cluster:
    """Key pools behind a headless name, each at an address of its own and all at one port."""

    def __init__(self, stack: contextlib.ExitStack, dns: NameServer, folder: Path, url: str):
        self._stack, self._folder, self._url = stack, folder, url
        self._port = free_port()
        self.dns = dns

    @property
    def target(self) -> str:
        return self.dns.target(NAME, self._port)

    async def start(self, host: str) -> KeypoolProcess:
        """Return a replica that is ready, and stands in DNS."""
        process = self._stack.enter_context(
            keypool_process(self._folder, self._url, host, self._port)
        )
        await process.ready()
        self.dns.names[NAME].append(host)
        return process


@pytest.fixture
async def cluster(redis_url: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with name_server({NAME: []}) as dns:
        with contextlib.ExitStack() as stack:
            yield Cluster(stack, dns, tmp_path, redis_url)


async def shares(callers: Callers, replicas: Sequence[KeypoolProcess]) -> list[float]:
    """Return which part of the next calls each replica answers."""
    before = [await each.calls() for each in replicas]
    await callers.more(CALLS)
    counts = [await each.calls() - was for each, was in zip(replicas, before, strict=True)]
    return [count / sum(counts) for count in counts]


async def test_a_third_replica_gets_its_share_within_ten_seconds(cluster: Cluster) -> None:
    replicas = [await cluster.start(host) for host in HOSTS[:2]]
    async with Callers(cluster.target) as callers:
        assert min(await shares(callers, replicas)) > 0.4

        third = await cluster.start(HOSTS[2])
        await eventually(third.calls, lambda count: count > 0, seconds=10)

        assert min(await shares(callers, [*replicas, third])) > 0.25
    assert callers.failures == []


async def test_a_replica_that_is_told_to_end_is_missed_by_nobody(cluster: Cluster) -> None:
    first, second = [await cluster.start(host) for host in HOSTS[:2]]
    async with Callers(cluster.target, idempotent=["Explain"]) as callers:
        await callers.more(CALLS)

        first.signal(signal.SIGTERM)
        code = await asyncio.to_thread(first.popen.wait, 10)
        cluster.dns.names[NAME].remove(first.host)
        [share] = await shares(callers, [second])

        assert (code, share) == (0, 1.0)
    assert callers.failures == []


async def test_calls_outlive_the_connections_that_carry_them(cluster: Cluster) -> None:
    """Nothing is repeated by a retry policy here: what a cut connection had not begun is."""
    replica = await cluster.start(HOSTS[0])
    async with Callers(cluster.target) as callers:
        await callers.more(CALLS)
        # Each end of a connection makes the caller look the name up again.
        asked = await cluster.dns.lookups(NAME)
        await eventually(
            lambda: cluster.dns.lookups(NAME), lambda count: count >= asked + 2, seconds=30
        )

        assert await shares(callers, [replica]) == [1.0]
    assert callers.failures == []


def test_callers_ping_no_more_often_than_servers_allow() -> None:
    client, server = dict(CLIENT_LINE), dict(SERVER_LINE)

    allowed = server["grpc.http2.min_recv_ping_interval_without_data_ms"]
    assert client["grpc.keepalive_time_ms"] >= 2 * allowed
    assert server["grpc.max_connection_age_grace_ms"] >= 3_600_000
