"""Changing the key-encryption key without losing a key or a token."""

import pytest
from gemini_balance.keypool.v1 import admin_pb2
from redis.asyncio import Redis

from services.kit.errors import RemoteError
from tests.integration.keypool.test_keys import list_keys
from tests.integration.keypool.test_tokens import authorize, refusal
from tests.support.keypool import ENCRYPTION_KEY, Keypool, running_keypool, secret_of, secrets_of
from tests.support.waiting import eventually

NEW, NEWER = "a new key-encryption key", "an even newer key-encryption key"
PROXY = "http://user:password-of-proxy@proxy.example:3128"
SEEDED = "sk-seeded-token-0123456789"


async def fill(redis_url: str, count: int = 3) -> tuple[str, set[str]]:
    """Use a key pool with the first key; return a client token and the ids of all keys."""
    async with running_keypool(redis_url) as keypool:
        keys = [admin_pb2.NewKey(secret=secret, proxy_url=PROXY) for secret in secrets_of(count)]
        created = await keypool.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=keys))
        made = await keypool.admin.CreateToken(admin_pb2.CreateTokenRequest())
        return made.secret, {result.key.key_id for result in created.results}


async def rekey(keypool: Keypool, old: str = "") -> tuple[int, int, int]:
    done = await keypool.admin.RekeySecrets(admin_pb2.RekeySecretsRequest(old_encryption_key=old))
    return done.resealed_count, done.current_count, done.unreadable_count


async def check_all_works(keypool: Keypool, token: str, ids: set[str]) -> None:
    leases = (await keypool.acquire(2 * len(ids))).leases
    assert {lease.key_id for lease in leases} == ids
    assert {lease.secret for lease in leases} == set(secrets_of(len(ids)))
    assert {lease.proxy_url for lease in leases} == {PROXY}
    assert (await authorize(keypool, token)).scopes == ["models", "files"]
    assert {key.state for key in await list_keys(keypool)} == {admin_pb2.Key.STATE_ACTIVE}


async def test_the_old_key_can_go_after_rekeying(redis_url: str) -> None:
    token, ids = await fill(redis_url)

    async with running_keypool(
        redis_url, encryption_key=NEW, old_encryption_keys=[ENCRYPTION_KEY]
    ) as keypool:
        await check_all_works(keypool, token, ids)
        assert await rekey(keypool) == (3, 0, 0)
        await check_all_works(keypool, token, ids)
        assert await rekey(keypool) == (0, 3, 0)

    async with running_keypool(redis_url, encryption_key=NEW) as keypool:
        await check_all_works(keypool, token, ids)
        # The same key is known by the same id as ever.
        assert set(await keypool.add_keys(secret_of(0))) < ids


async def test_two_changes_in_a_row(redis_url: str) -> None:
    token, ids = await fill(redis_url)
    for now, old in ((NEW, ENCRYPTION_KEY), (NEWER, NEW)):
        async with running_keypool(
            redis_url, encryption_key=now, old_encryption_keys=[old]
        ) as keypool:
            assert await rekey(keypool) == (3, 0, 0)

    async with running_keypool(redis_url, encryption_key=NEWER) as keypool:
        await check_all_works(keypool, token, ids)


async def test_an_old_replica_serves_on_what_it_can_read(redis_url: str) -> None:
    token, ids = await fill(redis_url)
    new = {"encryption_key": NEW, "old_encryption_keys": [ENCRYPTION_KEY]}
    # The first step of a change over many replicas: all can read what the new key seals.
    old = {"encryption_key": ENCRYPTION_KEY, "old_encryption_keys": [NEW]}
    async with (
        running_keypool(redis_url, **old) as first,
        running_keypool(redis_url, **new) as second,
    ):
        await rekey(second)

        for keypool in (first, second):
            await check_all_works(keypool, token, ids)


async def test_the_old_key_in_the_request_is_enough(redis_url: str) -> None:
    token, ids = await fill(redis_url)

    async with running_keypool(redis_url, encryption_key=NEW) as keypool:
        states = {key.state for key in await list_keys(keypool)}
        assert states == {admin_pb2.Key.STATE_UNREADABLE}
        assert await refusal(keypool, token) == ("NOT_FOUND", "TOKEN_UNKNOWN")

        assert await rekey(keypool, ENCRYPTION_KEY) == (3, 0, 0)

        await check_all_works(keypool, token, ids)

    async with running_keypool(redis_url, encryption_key=NEW) as keypool:
        await check_all_works(keypool, token, ids)


async def test_keys_that_were_added_in_between_are_not_there_twice(redis_url: str) -> None:
    token, ids = await fill(redis_url)
    values = {
        "encryption_key": NEW,
        "api_keys": [secret_of(0), secret_of(50)],
        "allowed_tokens": [SEEDED],
    }
    async with running_keypool(redis_url, **values) as keypool:
        await keypool.add_keys(secret_of(1), secret_of(60))
        await rekey(keypool, ENCRYPTION_KEY)

        leases = (await keypool.acquire(20)).leases
        by_secret = {lease.secret: lease.key_id for lease in leases}
        expected = {*secrets_of(3), secret_of(50), secret_of(60)}
        assert set(by_secret) == expected
        assert len({lease.key_id for lease in leases}) == len(expected)
        assert {by_secret[secret] for secret in secrets_of(3)} == ids
        assert len(await list_keys(keypool)) == len(expected)
        assert (await authorize(keypool, token)).scopes == ["models", "files"]

        async def seeded_works() -> bool:
            try:
                return bool(await authorize(keypool, SEEDED))
            except RemoteError:
                return False

        # Seeding begins anew within a second, with the ids that are right now.
        await eventually(seeded_works, bool)


async def test_a_wrong_old_key_changes_nothing(redis_url: str) -> None:
    token, ids = await fill(redis_url)

    async with running_keypool(redis_url, encryption_key=NEW) as keypool:
        assert await rekey(keypool, "quite another key of old") == (0, 0, 3)

    async with running_keypool(redis_url) as keypool:
        await check_all_works(keypool, token, ids)


async def test_what_was_cut_short_goes_on(redis_url: str) -> None:
    token, ids = await fill(redis_url, 30)
    async with Redis.from_url(redis_url) as redis:
        kept = {
            key_id: await redis.hgetall(f"gb:1:{{default}}:k:{key_id}")
            for key_id in sorted(ids)[:10]
        }
        async with running_keypool(
            redis_url, encryption_key=NEW, old_encryption_keys=[ENCRYPTION_KEY]
        ) as keypool:
            await rekey(keypool)
        # As if it had ended before these.
        for key_id, fields in kept.items():
            for field, value in fields.items():
                await redis.hset(f"gb:1:{{default}}:k:{key_id}", field, value)

    async with running_keypool(
        redis_url, encryption_key=NEW, old_encryption_keys=[ENCRYPTION_KEY]
    ) as keypool:
        await check_all_works(keypool, token, ids)
        assert await rekey(keypool) == (10, 20, 0)

    async with running_keypool(redis_url, encryption_key=NEW) as keypool:
        await check_all_works(keypool, token, ids)


async def test_nothing_in_the_store_needs_the_old_key(redis_url: str) -> None:
    await fill(redis_url)
    async with running_keypool(
        redis_url, encryption_key=NEW, old_encryption_keys=[ENCRYPTION_KEY]
    ) as keypool:
        await rekey(keypool)
        marks = {
            (await redis_field(redis_url, key.key_id, field))[:5]
            for key in await list_keys(keypool)
            for field in ("secret", "proxy")
        }

    assert len(marks) == 1


async def test_a_short_old_key_is_refused(keypool: Keypool) -> None:
    with pytest.raises(RemoteError) as failure:
        await rekey(keypool, "short")

    assert failure.value.code.name == "INVALID_ARGUMENT"
    assert "short" not in str(failure.value).replace("shorter", "")


async def redis_field(redis_url: str, key_id: str, field: str) -> bytes:
    async with Redis.from_url(redis_url) as redis:
        value = await redis.hget(f"gb:1:{{default}}:k:{key_id}", field)
        assert isinstance(value, bytes)
        return value
