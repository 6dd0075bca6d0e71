"""Sessions over keys that are bound to a proxy."""

import pytest
from gemini_balance.keypool.v1 import admin_pb2

from tests.integration.edge.live.conftest import World
from tests.support.edge import new_token
from tests.support.live import ask, bare, begin
from tests.support.proxy import ForwardProxy, SocksProxy

KINDS = {"http": ForwardProxy, "socks5": SocksProxy, "socks5h": SocksProxy}


@pytest.mark.parametrize("scheme", KINDS)
async def test_a_session_goes_through_the_proxy_of_its_key(
    world: World, edge: str, scheme: str
) -> None:
    proxy = KINDS[scheme]()
    token = await new_token(world.keypool, name="far", pool="far")
    async with proxy.running() as address:
        key = admin_pb2.NewKey(
            secret=f"AIzaFar{'x' * 32}", proxy_url=f"{scheme}://joe:word@{address}"
        )
        await world.keypool.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=[key], pool="far"))
        async with bare(edge, token) as connection:
            await begin(connection)
            assert "plum" in (await ask(connection, "please repeat plum"))[0]

    assert proxy.targets == [world.google_url.removeprefix("http://")]
    assert len(proxy.credentials) == 1


async def test_a_dead_proxy_costs_the_client_only_time(world: World, edge: str) -> None:
    token = await new_token(world.keypool, name="far", pool="far")
    keys = [
        admin_pb2.NewKey(secret=f"AIzaFar{'x' * 32}", proxy_url="http://127.0.0.1:9"),
        admin_pb2.NewKey(secret=f"AIzaNear{'x' * 32}"),
    ]
    await world.keypool.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=keys, pool="far"))

    for _ in range(2):
        async with bare(edge, token) as connection:
            await begin(connection)
