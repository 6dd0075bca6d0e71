"""What counts as a request of a client that has limits of its own."""

from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2

from tests.support.keypool import Keypool, failed, secrets_of, unused
from tests.unit.judging import bodies

OVERLOADED = (503, bodies.OVERLOADED)
ITS_OWN_FAULT = (400, bodies.error(400, "INVALID_ARGUMENT", "Invalid value at 'contents'"))
SIGNATURE = (400, bodies.error(400, "INVALID_ARGUMENT", "Corrupted thought signature."))


@pytest.fixture(autouse=True)
async def keys(keypool: Keypool) -> None:
    await keypool.add_keys(*secrets_of(4))


async def client_with(keypool: Keypool, **limits: int) -> str:
    request = admin_pb2.CreateTokenRequest(limits=admin_pb2.ClientLimits(**limits))
    client: str = (await keypool.admin.CreateToken(request)).token.client_id
    return client


async def one(
    keypool: Keypool, client: str, *settlements: keypool_pb2.Settlement, **fields: Any
) -> keypool_pb2.Lease:
    """Acquire a lease that must be granted."""
    answer = await keypool.acquire(client_id=client, settlements=settlements, **fields)
    assert len(answer.leases) == 1, answer.refusal
    return answer.leases[0]


async def is_at_its_limit(keypool: Keypool, client: str) -> bool:
    """Whether the client may make no further request; makes one if it may."""
    answer = await keypool.acquire(client_id=client)
    assert answer.leases or answer.refusal.reason == keypool_pb2.Refusal.REASON_CLIENT_LIMIT
    return not answer.leases


@pytest.mark.parametrize(
    "operation", [keypool_pb2.OPERATION_COUNT_TOKENS, keypool_pb2.OPERATION_READ]
)
@pytest.mark.parametrize("limit", ["requests_per_minute", "requests_per_day"])
async def test_free_calls_count_nothing_and_are_never_refused(
    keypool: Keypool, limit: str, operation: keypool_pb2.Operation.ValueType
) -> None:
    client = await client_with(keypool, **{limit: 1})
    free = [*(await keypool.acquire(2, client_id=client, operation=operation)).leases]
    await one(keypool, client)

    free += (await keypool.acquire(2, client_id=client, operation=operation)).leases
    await keypool.settle(*map(unused, free))

    assert len(free) == 4
    assert await is_at_its_limit(keypool, client)


@pytest.mark.parametrize("limit", ["requests_per_minute", "requests_per_day"])
@pytest.mark.parametrize("answer", [OVERLOADED, SIGNATURE, (429, bodies.BARE), (0, b"")])
async def test_a_request_that_is_tried_again_counts_once(
    keypool: Keypool, limit: str, answer: tuple[int, bytes]
) -> None:
    client = await client_with(keypool, **{limit: 2})
    lease = await one(keypool, client)

    for _ in range(3):
        lease = await one(keypool, client, failed(lease, *answer))

    assert not await is_at_its_limit(keypool, client)
    assert await is_at_its_limit(keypool, client)


async def test_a_request_that_was_wrong_counts(keypool: Keypool) -> None:
    client = await client_with(keypool, requests_per_day=2)
    wrong = await one(keypool, client)

    await one(keypool, client, failed(wrong, *ITS_OWN_FAULT))

    assert await is_at_its_limit(keypool, client)


async def test_a_failure_that_nothing_replaces_counts(keypool: Keypool) -> None:
    client = await client_with(keypool, requests_per_day=2)
    await keypool.settle(failed(await one(keypool, client), *OVERLOADED))

    await one(keypool, client)

    assert await is_at_its_limit(keypool, client)


async def test_a_replacement_that_is_refused_leaves_the_request_counted(keypool: Keypool) -> None:
    client = await client_with(keypool, requests_per_minute=2, requests_per_day=2)
    lease = await one(keypool, client)

    refused = await keypool.acquire(
        client_id=client,
        settlements=[failed(lease, *OVERLOADED)],
        required_project_id="none-such",
    )

    assert not refused.leases
    assert not await is_at_its_limit(keypool, client)
    assert await is_at_its_limit(keypool, client)


async def test_a_replacement_that_is_asked_for_again_counts_once(keypool: Keypool) -> None:
    client = await client_with(keypool, requests_per_minute=1, requests_per_day=1)
    lease = await one(keypool, client)
    failure = failed(lease, *OVERLOADED)
    await keypool.acquire(client_id=client, settlements=[failure], required_project_id="none-such")

    await one(keypool, client, failure)

    assert await is_at_its_limit(keypool, client)


async def test_one_failure_is_replaced_once(keypool: Keypool) -> None:
    client = await client_with(keypool, requests_per_minute=2, requests_per_day=2)
    failure = failed(await one(keypool, client), *OVERLOADED)

    for _ in range(2):
        await one(keypool, client, failure)

    assert await is_at_its_limit(keypool, client)


async def test_no_more_is_replaced_than_is_granted(keypool: Keypool) -> None:
    client = await client_with(keypool, requests_per_minute=3, requests_per_day=3)
    [rare] = await keypool.add_keys("AIzaSyTest-of-a-project-with-a-limit", project="rare")
    quota = admin_pb2.Quota(project_id="rare", model="m", requests_per_minute=1)
    failures = [
        failed(await one(keypool, client, excluded_project_ids=["rare"]), *OVERLOADED)
        for _ in range(3)
    ]
    await keypool.admin.SetQuota(admin_pb2.SetQuotaRequest(quota=quota))

    answer = await keypool.acquire(
        3, client_id=client, settlements=failures, required_project_id="rare"
    )

    assert [lease.key_id for lease in answer.leases] == [rare]
    assert await is_at_its_limit(keypool, client)


async def test_nobody_takes_back_what_another_was_charged(keypool: Keypool) -> None:
    mine = await client_with(keypool, requests_per_day=1)
    other = await client_with(keypool, requests_per_day=1)
    failure = failed(await one(keypool, mine), *OVERLOADED)

    await one(keypool, other, failure)

    assert await is_at_its_limit(keypool, other)
    assert await is_at_its_limit(keypool, mine)
