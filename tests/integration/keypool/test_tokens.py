"""Client tokens: who holds them and what they open."""

from datetime import UTC, datetime, timedelta

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from services.kit.errors import RemoteError
from tests.support.keypool import Keypool


def timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


async def create(keypool: Keypool, **fields: object) -> admin_pb2.CreateTokenResponse:
    request = admin_pb2.CreateTokenRequest(**fields)  # type: ignore[arg-type]
    response = await keypool.admin.CreateToken(request)
    assert isinstance(response, admin_pb2.CreateTokenResponse)
    return response


async def authorize(keypool: Keypool, token: str) -> keypool_pb2.AuthorizeResponse:
    response = await keypool.pool.Authorize(keypool_pb2.AuthorizeRequest(token=token))
    assert isinstance(response, keypool_pb2.AuthorizeResponse)
    return response


async def refusal(keypool: Keypool, token: str) -> tuple[str, str]:
    with pytest.raises(RemoteError) as failure:
        await authorize(keypool, token)
    return failure.value.code.name, failure.value.reason


async def test_a_new_token_opens_models_and_files(keypool: Keypool) -> None:
    created = await create(keypool, name="laptop")

    answer = await authorize(keypool, created.secret)

    assert created.secret.startswith("sk-")
    assert len(created.secret) == 46
    assert answer.scopes == ["models", "files"]
    assert (answer.name, answer.pool, answer.limited) == ("laptop", "default", False)
    assert answer.client_id == created.token.client_id
    assert answer.cache_for.ToTimedelta() == timedelta(seconds=5)


async def test_a_token_carries_what_it_was_made_with(keypool: Keypool) -> None:
    created = await create(
        keypool, scopes=["models", "raw"], pool="eu", allowed_models=["gemini-2.5-*"], tags=["x"]
    )

    answer = await authorize(keypool, created.secret)

    assert (list(answer.scopes), answer.pool) == (["models", "raw"], "eu")
    assert answer.allowed_models == ["gemini-2.5-*"]
    assert created.token.tags == ["x"]


async def test_a_chosen_token_is_taken_as_it_is(keypool: Keypool) -> None:
    created = await create(keypool, token="sk-123456")

    assert created.secret == "sk-123456"
    assert created.token.tail == ""
    assert (await authorize(keypool, "sk-123456")).client_id == created.token.client_id


async def test_a_known_token_cannot_be_made_again(keypool: Keypool) -> None:
    await create(keypool, token="sk-123456")

    with pytest.raises(RemoteError) as failure:
        await create(keypool, token="sk-123456", scopes=["admin"])

    assert failure.value.reason == "TOKEN_EXISTS"
    assert (await authorize(keypool, "sk-123456")).scopes == ["models", "files"]


async def test_an_unknown_token_opens_nothing(keypool: Keypool) -> None:
    assert await refusal(keypool, "sk-nobody") == ("NOT_FOUND", "TOKEN_UNKNOWN")


async def test_a_revoked_token_opens_nothing_for_good(keypool: Keypool) -> None:
    created = await create(keypool, token="sk-123456")
    await keypool.admin.RevokeToken(admin_pb2.RevokeTokenRequest(token_id=created.token.token_id))

    assert await refusal(keypool, "sk-123456") == ("PERMISSION_DENIED", "TOKEN_REVOKED")
    with pytest.raises(RemoteError):
        await create(keypool, token="sk-123456")
    assert await refusal(keypool, "sk-123456") == ("PERMISSION_DENIED", "TOKEN_REVOKED")


async def test_a_token_whose_time_is_over_opens_nothing(keypool: Keypool) -> None:
    past = timestamp(datetime.now(UTC) - timedelta(seconds=5))
    created = await create(keypool, expire_time=past)

    assert await refusal(keypool, created.secret) == ("PERMISSION_DENIED", "TOKEN_EXPIRED")


async def test_the_mask_says_what_changes(keypool: Keypool) -> None:
    created = await create(
        keypool, name="old", expire_time=timestamp(datetime.now(UTC) + timedelta(hours=1))
    )
    token = admin_pb2.Token(token_id=created.token.token_id, name="new", scopes=["admin"])

    response = await keypool.admin.UpdateToken(
        admin_pb2.UpdateTokenRequest(
            token=token, update_mask=FieldMask(paths=["name", "expire_time"])
        )
    )

    assert (response.token.name, list(response.token.scopes)) == ("new", ["models", "files"])
    assert not response.token.HasField("expire_time")


async def test_lists_are_paged_and_hold_no_text(keypool: Keypool) -> None:
    created = [await create(keypool) for _ in range(5)]

    listed: list[admin_pb2.Token] = []
    token = ""
    while True:
        page = await keypool.admin.ListTokens(
            admin_pb2.ListTokensRequest(page_size=2, page_token=token)
        )
        listed += page.tokens
        token = page.next_page_token
        if not token:
            break

    assert [entry.token_id for entry in listed] == sorted(entry.token.token_id for entry in created)
    assert all(entry.secret not in str(listed) for entry in created)
    assert {entry.tail for entry in listed} == {entry.secret[-4:] for entry in created}


@pytest.mark.parametrize("method", ["UpdateToken", "RevokeToken"])
async def test_an_unknown_token_id_is_not_found(keypool: Keypool, method: str) -> None:
    requests = {
        "UpdateToken": admin_pb2.UpdateTokenRequest(
            token=admin_pb2.Token(token_id="tnone", name="x"),
            update_mask=FieldMask(paths=["name"]),
        ),
        "RevokeToken": admin_pb2.RevokeTokenRequest(token_id="tnone"),
    }

    with pytest.raises(RemoteError) as failure:
        await getattr(keypool.admin, method)(requests[method])

    assert (failure.value.code.name, failure.value.reason) == ("NOT_FOUND", "TOKEN_UNKNOWN")


LIMITS = admin_pb2.ClientLimits(requests_per_minute=5, requests_per_day=90, tokens_per_day=10**12)


async def test_limits_are_kept_told_and_changed(keypool: Keypool) -> None:
    created = await create(keypool, limits=LIMITS, tags=["x"])
    before = await authorize(keypool, created.secret)
    [listed] = (await keypool.admin.ListTokens(admin_pb2.ListTokensRequest())).tokens

    token = admin_pb2.Token(token_id=created.token.token_id)
    request = admin_pb2.UpdateTokenRequest(token=token, update_mask=FieldMask(paths=["limits"]))
    changed = (await keypool.admin.UpdateToken(request)).token

    assert listed == created.token
    assert (listed.limits, list(listed.tags)) == (LIMITS, ["x"])
    assert changed.limits == admin_pb2.ClientLimits()
    assert (before.limited, (await authorize(keypool, created.secret)).limited) == (True, False)


async def test_limits_refuse_the_client_and_nobody_else(keypool: Keypool) -> None:
    await keypool.add_keys("AIzaSyOnlyOneKeyForTwoClients")
    limited = (await create(keypool, limits=admin_pb2.ClientLimits(requests_per_day=1))).token

    first, second = [await keypool.acquire(client_id=limited.client_id) for _ in range(2)]
    other = await keypool.acquire(client_id="someone-else")

    assert (len(first.leases), len(second.leases), len(other.leases)) == (1, 0, 1)
    assert second.refusal.reason == keypool_pb2.Refusal.REASON_CLIENT_LIMIT
    assert second.refusal.HasField("retry_at")


@pytest.mark.parametrize("field", ["requests_per_minute", "requests_per_day", "tokens_per_day"])
async def test_a_negative_limit_is_refused(keypool: Keypool, field: str) -> None:
    with pytest.raises(RemoteError) as failure:
        await create(keypool, limits=admin_pb2.ClientLimits(**{field: -1}))

    assert failure.value.code.name == "INVALID_ARGUMENT"
