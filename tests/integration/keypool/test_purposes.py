"""Pools whose keys serve one purpose: filled from settings, and never asked for another."""

from collections.abc import AsyncIterator

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2

from services.kit.errors import RemoteError
from services.simulator.control import SimulatorControl
from tests.integration.keypool.test_discovery import discover
from tests.integration.keypool.test_keys import list_keys
from tests.support.keypool import Keypool, running_keypool, secret_of
from tests.support.upstream import upstream

VERTEX, PAID = "vertex-express", "paid"
EMPTY = keypool_pb2.Refusal.REASON_POOL_EMPTY


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[tuple[Keypool, SimulatorControl]]:
    """A key pool with a key of each kind, over a simulator of both of Google's addresses."""
    async with (
        upstream() as google,
        running_keypool(
            redis_url,
            base_url=google.url,
            vertex_express_base_url=f"{google.url}/v1beta1/publishers/google",
            api_keys=[secret_of(1)],
            vertex_api_keys=f'["{secret_of(2)}", {{"key": "{secret_of(3)}", "note": "three"}}]',
            paid_key=secret_of(4),
        ) as keypool,
    ):
        yield keypool, google.control


async def test_settings_fill_each_pool_with_its_own(
    world: tuple[Keypool, SimulatorControl],
) -> None:
    keypool, _ = world

    leased = {
        pool: {lease.secret for lease in (await keypool.acquire(4, pool=pool)).leases}
        for pool in ("", VERTEX, PAID)
    }

    assert leased == {
        "": {secret_of(1)},
        VERTEX: {secret_of(2), secret_of(3)},
        PAID: {secret_of(4)},
    }
    [noted] = [key for key in await list_keys(keypool, pool=VERTEX) if key.note]
    assert (noted.alias[-4:], noted.note, noted.seeded) == ("0003", "three", True)


async def test_a_key_of_two_settings_serves_where_it_stands_first(
    redis_url: str,
) -> None:
    async with running_keypool(
        redis_url, api_keys=[secret_of(1)], vertex_api_keys=secret_of(1), paid_key=secret_of(1)
    ) as keypool:
        [key] = await list_keys(keypool)
        refusals = [(await keypool.acquire(pool=pool)).refusal.reason for pool in (VERTEX, PAID)]

    assert key.pool == "default"
    assert refusals == [EMPTY, EMPTY]


@pytest.mark.parametrize(
    "operation",
    [
        keypool_pb2.OPERATION_EMBED,
        keypool_pb2.OPERATION_READ,
        keypool_pb2.OPERATION_CREATE,
        keypool_pb2.OPERATION_SESSION,
    ],
)
async def test_vertex_keys_are_not_leased_for_what_only_gemini_offers(
    world: tuple[Keypool, SimulatorControl], operation: keypool_pb2.Operation.ValueType
) -> None:
    keypool, _ = world

    with pytest.raises(RemoteError) as caught:
        await keypool.acquire(pool=VERTEX, operation=operation)

    assert caught.value.reason == "INVALID_REQUEST"
    assert (await keypool.acquire(pool=PAID, operation=operation)).leases


async def test_vertex_keys_are_verified_at_their_own_address(
    world: tuple[Keypool, SimulatorControl],
) -> None:
    keypool, google = world
    await google.put_key(secret_of(3), state="invalid")

    verified = {}
    for key in await list_keys(keypool, pool=VERTEX):
        request = admin_pb2.VerifyKeyRequest(key_id=key.key_id)
        verified[key.alias[-4:]] = (await keypool.admin.VerifyKey(request)).rule_id

    assert verified == {"0002": "key.accepted", "0003": "key.invalid"}
    asked = {(each.path, each.verb) for each in await google.requests()}
    path = "/v1beta1/publishers/google/models/gemini-2.5-flash:countTokens"
    assert asked == {(path, "countTokens")}


async def test_vertex_keys_are_not_compared_by_files(
    world: tuple[Keypool, SimulatorControl],
) -> None:
    keypool, google = world

    findings = await discover(keypool, pool=VERTEX)

    assert len(findings) == 2
    assert all("Vertex express" in finding.detail for finding in findings)
    assert await google.requests() == []
