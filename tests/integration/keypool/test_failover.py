"""A key pool whose Redis changes its master: it goes on by itself, and nothing leaks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from gemini_balance.keypool.v1 import admin_pb2
from gemini_balance.keypool.v1 import keypool_pb2 as pb

from services.kit.errors import RemoteError
from tests.support.keypool import Keypool, duration, running_keypool, secrets_of, succeeded
from tests.support.valkey_topologies import Node, started_cluster, started_sentinels
from tests.support.waiting import eventually

KEYS = 6
BRIEF = duration(3)
"""Settlements that the old master took with it are made good when their leases lapse."""


@contextlib.contextmanager
def sentinel_master() -> Iterator[tuple[str, Node]]:
    with started_sentinels() as system:
        yield system.url, system.master


@contextlib.contextmanager
def cluster_master() -> Iterator[tuple[str, Node]]:
    with started_cluster(3, 3) as cluster:
        yield cluster.url, cluster.master_of("{default}")


class Holder:
    """Acquires and settles until told to stop, whatever the store does meanwhile."""

    def __init__(self, keypool: Keypool) -> None:
        self._keypool = keypool
        self.rounds = 0
        self.refusals: set[str] = set()
        self.lease_ids: list[str] = []

    async def go_on(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._round()
            except RemoteError as error:
                self.refusals.add(error.reason)
                await asyncio.sleep(0.05)

    async def _round(self) -> None:
        response = await self._keypool.acquire(lifetime=BRIEF)
        [lease] = response.leases
        self.lease_ids.append(lease.lease_id)
        await self._keypool.settle(succeeded(lease))
        self.rounds += 1


@contextlib.asynccontextmanager
async def holders(keypool: Keypool, count: int = 8) -> AsyncIterator[list[Holder]]:
    stop = asyncio.Event()
    running = [Holder(keypool) for _ in range(count)]
    async with asyncio.TaskGroup() as tasks:
        for holder in running:
            tasks.create_task(holder.go_on(stop))
        yield running
        stop.set()


async def all_go_on(running: list[Holder]) -> None:
    """Return once every holder has got on by 20 rounds."""
    before = [holder.rounds for holder in running]

    async def least() -> int:
        return min(holder.rounds - rounds for holder, rounds in zip(running, before, strict=True))

    await eventually(least, lambda rounds: rounds >= 20, seconds=30)


async def in_flight(keypool: Keypool, key_ids: list[str]) -> int:
    return sum([(await keypool.key(key_id)).in_flight_count for key_id in key_ids])


@pytest.mark.parametrize("topology", [sentinel_master, cluster_master])
async def test_the_key_pool_goes_on_with_the_promoted_replica(
    topology: Callable[[], contextlib.AbstractContextManager[tuple[str, Node]]],
) -> None:
    with topology() as (url, master):
        async with running_keypool(url) as keypool:
            key_ids = await keypool.add_keys(*secrets_of(KEYS))
            created = await keypool.admin.CreateToken(admin_pb2.CreateTokenRequest(name="app"))
            async with holders(keypool) as running:
                await all_go_on(running)
                master.kill()
                await all_go_on(running)

            refused = {reason for holder in running for reason in holder.refusals}
            assert refused <= {"STORE_UNAVAILABLE"}
            lease_ids = [lease_id for holder in running for lease_id in holder.lease_ids]
            assert len(set(lease_ids)) == len(lease_ids)
            client = await keypool.pool.Authorize(pb.AuthorizeRequest(token=created.secret))
            assert client.client_id == created.token.client_id
            await eventually(lambda: in_flight(keypool, key_ids), lambda count: count == 0)


async def test_a_master_that_hangs_is_left_and_not_believed_when_it_wakes() -> None:
    with started_sentinels() as system:
        async with running_keypool(system.url) as keypool:
            key_ids = await keypool.add_keys(*secrets_of(KEYS))
            async with holders(keypool) as running:
                await all_go_on(running)
                with paused(system.master):
                    await all_go_on(running)
                # It takes itself for the master until a Sentinel tells it otherwise.
                await all_go_on(running)
            await eventually(lambda: in_flight(keypool, key_ids), lambda count: count == 0)


@contextlib.contextmanager
def paused(node: Node) -> Iterator[None]:
    node.pause()
    try:
        yield
    finally:
        node.resume()


async def test_a_lease_of_before_is_settled_after() -> None:
    with started_sentinels() as system:
        async with running_keypool(system.url) as keypool:
            [key_id] = await keypool.add_keys(*secrets_of(1))
            [lease] = (await keypool.acquire()).leases
            with system.master.client() as client:
                client.wait(1, 5000)

            system.master.kill()
            kinds = await eventually(lambda: settle(keypool, lease), bool, seconds=30)

            assert kinds == [pb.SettleResult.KIND_SETTLED]
            assert (await keypool.key(key_id)).success_count == 1


async def settle(keypool: Keypool, lease: pb.Lease) -> list[int]:
    try:
        response = await keypool.settle(succeeded(lease))
    except RemoteError:
        return []
    return [result.kind for result in response.results]
