"""Ways out that the upstream does not serve are avoided, and no key is blamed for them."""

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2

from tests.support.keypool import Keypool, failed, running_keypool, secret_of
from tests.support.waiting import eventually
from tests.unit.judging import bodies

LOCATION = bodies.error(
    400, "FAILED_PRECONDITION", "User location is not supported for the API use."
)
PAGE = b"<!DOCTYPE html><html>your network may be sending automated queries"
BAD, GOOD = "http://bad.example:3128", "http://good.example:3128"


async def add(keypool: Keypool, number: int, proxy_url: str) -> str:
    key = admin_pb2.NewKey(secret=secret_of(number), proxy_url=proxy_url)
    created = await keypool.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=[key]))
    return str(created.results[0].key.key_id)


async def proxies(keypool: Keypool, count: int = 8) -> set[str]:
    """Return the ways out of leases granted now, and give them back."""
    leases = (await keypool.acquire(count)).leases
    assert len(leases) == count
    await keypool.settle(
        *(
            keypool_pb2.Settlement(lease_id=each.lease_id, outcome=keypool_pb2.OUTCOME_UNUSED)
            for each in leases
        )
    )
    return {lease.proxy_url for lease in leases}


async def blame(keypool: Keypool, proxy_url: str, status: int, body: bytes) -> None:
    leases = (await keypool.acquire(8)).leases
    lease = next(lease for lease in leases if lease.proxy_url == proxy_url)
    await keypool.settle(failed(lease, status, body))


@pytest.mark.parametrize(("status", "body"), [(400, LOCATION), (429, PAGE), (403, PAGE)])
@pytest.mark.parametrize("bad", [BAD, ""])
async def test_keys_on_a_refused_way_out_are_left_out(
    keypool: Keypool, status: int, body: bytes, bad: str
) -> None:
    for number in range(4):
        await add(keypool, number, bad if number % 2 else GOOD)
    assert await proxies(keypool) == {bad, GOOD}

    await blame(keypool, bad, status, body)

    await eventually(lambda: proxies(keypool), lambda found: found == {GOOD})
    listed = await keypool.admin.ListKeys(admin_pb2.ListKeysRequest())
    assert {key.state for key in listed.keys} == {admin_pb2.Key.STATE_ACTIVE}
    # What was granted first and given back again is in flight no more.
    assert sum(key.in_flight_count for key in listed.keys) <= 7


async def test_they_are_used_when_there_are_no_others(keypool: Keypool) -> None:
    bad = await add(keypool, 1, BAD)
    good = await add(keypool, 2, GOOD)
    await blame(keypool, BAD, 400, LOCATION)
    await eventually(lambda: proxies(keypool), lambda found: found == {GOOD})

    await keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=good))

    [lease] = (await keypool.acquire()).leases
    assert lease.key_id == bad


async def test_other_replicas_avoid_them_too(redis_url: str) -> None:
    async with running_keypool(redis_url) as one, running_keypool(redis_url) as other:
        await add(one, 1, BAD)
        await add(one, 2, GOOD)
        assert await proxies(other) == {BAD, GOOD}

        await blame(one, BAD, 400, LOCATION)

        await eventually(lambda: proxies(other), lambda found: found == {GOOD})


async def test_an_unreached_proxy_is_avoided_but_not_the_direct_way(keypool: Keypool) -> None:
    for number, proxy in enumerate((BAD, GOOD, "")):
        await add(keypool, number, proxy)
    unreached = keypool_pb2.Evidence(
        phase=keypool_pb2.Evidence.PHASE_CONNECT, operation=keypool_pb2.OPERATION_GENERATE
    )
    leases = {lease.proxy_url: lease for lease in (await keypool.acquire(6)).leases}

    # In this order: when the second has had its effect, so would have the first.
    for proxy in ("", BAD):
        await keypool.settle(
            keypool_pb2.Settlement(
                lease_id=leases[proxy].lease_id,
                outcome=keypool_pb2.OUTCOME_FAILED,
                evidence=unreached,
            )
        )

    await eventually(lambda: proxies(keypool), lambda found: found == {GOOD, ""})
