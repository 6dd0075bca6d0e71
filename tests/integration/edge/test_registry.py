"""Bindings at a real key pool, as the edge makes and finds them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.edge.errors import ApiError
from services.edge.keypool import Keypool as PoolClient
from services.edge.leasing.lease import Need, PoolAwayError
from services.edge.resources.making import Making
from services.edge.resources.names import Binding
from services.edge.resources.registry import Registry, TakenError
from services.judging import Operation
from tests.support.keypool import CREDENTIALS, Keypool, running_keypool
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server"]

NEED = Need("default", "ann", "", Operation.CREATE)
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


@dataclass
class Watch:
    """Notes that the pool went away."""

    is_away: bool = False
    noted: list[bool] = field(default_factory=list)

    def note_away(self) -> None:
        self.noted.append(True)


@pytest.fixture
async def keypool(redis_url: str) -> AsyncIterator[Keypool]:
    async with running_keypool(redis_url) as running:
        yield running


@pytest.fixture
async def channel(keypool: Keypool) -> AsyncIterator[PoolClient]:
    client = PoolClient(keypool.target, CREDENTIALS["edge"][0])
    yield client
    await client.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def registry(channel: PoolClient, watch: Watch) -> Registry:
    return Registry(channel.channel, watch)


@pytest.fixture
def making(registry: Registry) -> Making:
    return Making(cast("Any", SimpleNamespace(registry=registry)))


def bound(name: str, client: str = "ann", end: datetime | None = None) -> Binding:
    return Binding(name, "p1", client, end)


async def test_what_is_bound_is_found(registry: Registry) -> None:
    names = [f"files/{at}" for at in range(600)]
    for name in names[:300:50]:
        await registry.bind("default", bound(name, end=SOON))

    found = await registry.resolve("default", names)

    assert sorted(found) == sorted(names[:300:50])
    assert {(it.project_id, it.client_id, it.expire_time) for it in found.values()} == {
        ("p1", "ann", SOON)
    }
    assert all(it.create_time is not None for it in found.values())


async def test_pages_and_unbinding(registry: Registry) -> None:
    for at in range(5):
        await registry.bind("default", bound(f"batches/{at}"))
    await registry.bind("default", bound("batches/other", "bob"))
    await registry.unbind("default", "batches/2")

    first, token = await registry.list_page("default", "ann", "batches/", 3, "")
    second, end = await registry.list_page("default", "ann", "batches/", 3, token)

    assert [it.name for it in (*first, *second)] == [f"batches/{at}" for at in (4, 3, 1, 0)]
    assert end == ""
    with pytest.raises(ApiError, match="page token"):
        await registry.list_page("default", "ann", "batches/", 3, "nonsense")


async def test_a_name_is_taken_once(registry: Registry) -> None:
    await registry.bind("default", bound("batches/b"), must_be_new=True)

    with pytest.raises(TakenError):
        await registry.bind("default", bound("batches/b", "bob"), must_be_new=True)
    found = await registry.resolve("default", ["batches/b"])
    assert found["batches/b"].client_id == "ann"


async def test_what_was_seen_is_remembered_while_the_pool_is_away(
    registry: Registry, watch: Watch
) -> None:
    await registry.bind("default", bound("batches/b"))
    watch.is_away = True

    assert (await registry.resolve("default", ["batches/b"]))["batches/b"].client_id == "ann"
    with pytest.raises(PoolAwayError):
        await registry.resolve("default", ["batches/b", "batches/c"])


async def test_a_pool_that_does_not_answer_is_noted(watch: Watch) -> None:
    client = PoolClient("127.0.0.1:1", "nothing")
    try:
        with pytest.raises(PoolAwayError):
            await Registry(client.channel, watch).resolve("default", ["batches/b"])
    finally:
        await client.close()

    assert watch.noted == [True]


class TestMaking:
    async def test_it_binds_for_whoever_asks(self, making: Making, registry: Registry) -> None:
        for _ in range(2):
            await making.bind(NEED, "p1", {"batches/b": None, "files/f": SOON})

        found = await registry.resolve("default", ["batches/b", "files/f"])
        assert found["files/f"].expire_time == SOON
        assert {it.client_id for it in found.values()} == {"ann"}

    async def test_what_another_edge_saw_deleted_is_bound_again(
        self, making: Making, channel: PoolClient, watch: Watch
    ) -> None:
        another = Registry(channel.channel, watch)
        await making.bind(NEED, "p1", {"tunedModels/t": None})
        await another.unbind("default", "tunedModels/t")

        await making.bind(NEED, "p2", {"tunedModels/t": None})

        found = await another.resolve("default", ["tunedModels/t"])
        assert found["tunedModels/t"].project_id == "p2"

    async def test_it_moves_the_end_of_a_binding(self, making: Making, registry: Registry) -> None:
        await registry.bind("default", bound("cachedContents/c", end=SOON))
        later = SOON + timedelta(hours=1)

        await making.rebind("default", bound("cachedContents/c", end=later))

        found = await registry.resolve("default", ["cachedContents/c"])
        assert found["cachedContents/c"].expire_time == later

    async def test_it_takes_no_name_from_anybody(self, making: Making, registry: Registry) -> None:
        await registry.bind("default", bound("tunedModels/t", "bob"))

        with pytest.raises(ApiError) as caught:
            await making.bind(NEED, "p1", {"tunedModels/t": None})

        assert caught.value.status == 409
        found = await registry.resolve("default", ["tunedModels/t"])
        assert found["tunedModels/t"].client_id == "bob"
