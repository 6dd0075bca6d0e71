"""What the settings hold is in the store, once, and nothing secret can be read there."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from redis.asyncio import Redis

from tests.integration.keypool.test_keys import list_keys
from tests.integration.keypool.test_tokens import authorize, refusal
from tests.support.keypool import (
    CREDENTIALS,
    ENCRYPTION_KEY,
    Keypool,
    failed,
    running_keypool,
    secret_of,
    secrets_of,
    succeeded,
)
from tests.support.waiting import eventually
from tests.unit.judging import bodies

TOKENS = ["sk-seeded-token-one-0123456789", "sk-seeded-token-two-0123456789"]
OPERATOR = "sk-operator-token-0123456789"


async def test_keys_and_tokens_of_the_settings_work(redis_url: str) -> None:
    keys = [
        {"key": secret_of(1), "project": "shared", "note": "one", "tags": ["demo"]},
        secret_of(2),
    ]
    async with running_keypool(
        redis_url, api_keys=keys, allowed_tokens=[*TOKENS, OPERATOR], auth_token=OPERATOR
    ) as keypool:
        listed = {key.alias[-4:]: key for key in await list_keys(keypool)}
        leases = (await keypool.acquire(2)).leases

        assert {lease.secret for lease in leases} == {secret_of(1), secret_of(2)}
        assert (listed["0001"].project_id, listed["0001"].note) == ("shared", "one")
        assert (list(listed["0001"].tags), listed["0001"].seeded) == (["demo"], True)
        assert (await authorize(keypool, TOKENS[0])).scopes == ["models", "files"]
        assert (await authorize(keypool, OPERATOR)).scopes == ["models", "files", "admin"]


async def test_a_restart_changes_nothing(redis_url: str) -> None:
    values = {"api_keys": secrets_of(4), "allowed_tokens": TOKENS}
    async with running_keypool(redis_url, **values) as keypool:
        paused, dead, removed, cooled = (await keypool.acquire(4)).leases
        await keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=paused.key_id))
        deletion = await keypool.admin.DeleteKey(admin_pb2.DeleteKeyRequest(key_id=removed.key_id))
        await keypool.settle(
            failed(dead, 403, bodies.SUSPENDED),
            failed(cooled, 429, bodies.quota(bodies.PER_MINUTE)),
        )
        token = await authorize(keypool, TOKENS[0])
        token_id = token.client_id.removeprefix("c-")
        await keypool.admin.RevokeToken(admin_pb2.RevokeTokenRequest(token_id=token_id))
        before = await list_keys(keypool)

    async with running_keypool(redis_url, **values) as keypool:
        assert deletion.seeded
        assert await list_keys(keypool) == before
        assert removed.key_id not in {key.key_id for key in before}
        assert await refusal(keypool, TOKENS[0]) == ("PERMISSION_DENIED", "TOKEN_REVOKED")
        assert (await authorize(keypool, TOKENS[1])).scopes == ["models", "files"]
        answer = await keypool.acquire()
        assert answer.refusal.reason == keypool_pb2.Refusal.REASON_QUOTA


async def test_a_lease_outlives_the_key_pool_that_granted_it(redis_url: str) -> None:
    async with running_keypool(redis_url, api_keys=secrets_of(1)) as keypool:
        [lease] = (await keypool.acquire(request_id="one")).leases

    async with running_keypool(redis_url) as keypool:
        [again] = (await keypool.acquire(request_id="one")).leases
        await keypool.settle(succeeded(lease))

        assert again == lease
        assert (await keypool.key(lease.key_id)).success_count == 1


async def test_a_store_that_comes_back_empty_is_filled_again(redis_url: str) -> None:
    values = {"api_keys": secrets_of(2), "allowed_tokens": TOKENS}
    async with (
        running_keypool(redis_url, **values) as keypool,
        Redis.from_url(redis_url) as redis,
    ):
        before = await authorize(keypool, TOKENS[0])
        ids = {lease.key_id for lease in (await keypool.acquire(2)).leases}

        await redis.flushall()
        await eventually(lambda: list_keys(keypool), lambda keys: len(keys) == 2)

        assert {lease.key_id for lease in (await keypool.acquire(2)).leases} == ids
        await eventually(lambda: redis.hexists("gb:1:meta", "seeded"), bool)
        assert (await authorize(keypool, TOKENS[0])).client_id == before.client_id


async def test_several_key_pools_start_at_once_over_an_empty_store(redis_url: str) -> None:
    async def ids() -> set[str]:
        async with running_keypool(redis_url, api_keys=secrets_of(50)) as keypool:
            return {key.key_id for key in await list_keys(keypool)}

    first, second, third = await asyncio.gather(ids(), ids(), ids())

    assert first == second == third
    assert len(first) == 50


async def test_no_secret_can_be_read_in_the_store(redis_url: str) -> None:
    made, proxy_password = await used_key_pool(redis_url)

    async with Redis.from_url(redis_url) as redis:
        dump = await everything(redis)

    needles = [
        *secrets_of(3),
        *TOKENS,
        OPERATOR,
        made,
        proxy_password,
        ENCRYPTION_KEY,
        *(secret for secret, _ in CREDENTIALS.values()),
    ]
    assert len(dump) > 2000
    for needle in needles:
        raw = needle.encode()
        for form in (raw, base64.b64encode(raw), raw.hex().encode(), raw[4:-4]):
            assert form not in dump


async def test_keys_sealed_with_another_key_are_unreadable_and_unused(redis_url: str) -> None:
    async with running_keypool(redis_url, api_keys=secrets_of(3)) as keypool:
        before = {key.key_id for key in await list_keys(keypool)}

    other = "another key-encryption key"
    async with running_keypool(redis_url, api_keys=[secret_of(1)], encryption_key=other) as keypool:
        listed = {key.key_id: key.state for key in await list_keys(keypool)}
        leases = (await keypool.acquire(5)).leases

        assert {lease.secret for lease in leases} == {secret_of(1)}
        assert {listed[key_id] for key_id in before} == {admin_pb2.Key.STATE_UNREADABLE}
        assert not before & {lease.key_id for lease in leases}

    async with running_keypool(redis_url) as keypool:
        listed = {key.key_id: key.state for key in await list_keys(keypool)}
        assert {listed[key_id] for key_id in before} == {admin_pb2.Key.STATE_ACTIVE}
        assert {lease.key_id for lease in (await keypool.acquire(3)).leases} == before


async def test_a_damaged_secret_costs_one_key_and_no_request(redis_url: str) -> None:
    async with (
        running_keypool(redis_url, api_keys=secrets_of(3)) as keypool,
        Redis.from_url(redis_url) as redis,
    ):
        damaged = (await list_keys(keypool))[0].key_id
        name = f"gb:1:{{default}}:k:{damaged}"
        sealed = await redis.hget(name, "secret")
        assert isinstance(sealed, bytes)
        await redis.hset(name, "secret", sealed[:-1] + bytes([sealed[-1] ^ 1]))

        served = [lease.key_id for _ in range(6) for lease in (await keypool.acquire()).leases]

        assert len(served) == 6
        assert damaged not in served
        assert (await keypool.key(damaged)).state == admin_pb2.Key.STATE_UNREADABLE
        assert (await keypool.key(damaged)).in_flight_count == 0


class TestTokensThatLeaveTheSettings:
    async def test_they_open_nothing_any_more(self, redis_url: str) -> None:
        async with running_keypool(redis_url, allowed_tokens=TOKENS, auth_token=OPERATOR):
            pass

        other = "sk-another-operator-token-0123456789"
        values = {"allowed_tokens": TOKENS[:1], "auth_token": other}
        async with running_keypool(redis_url, **values) as keypool:
            for gone in (TOKENS[1], OPERATOR):
                assert await refusal(keypool, gone) == ("PERMISSION_DENIED", "TOKEN_REVOKED")
            assert (await authorize(keypool, TOKENS[0])).scopes == ["models", "files"]
            assert "admin" in (await authorize(keypool, other)).scopes

    async def test_they_work_again_when_they_come_back(self, redis_url: str) -> None:
        for tokens in (TOKENS, TOKENS[:1], TOKENS):
            async with running_keypool(redis_url, allowed_tokens=tokens) as keypool:
                last = keypool
                working = [len((await authorize(last, token)).scopes) for token in tokens]
                assert working == [2] * len(tokens)

    async def test_but_not_those_that_an_operator_revoked(self, redis_url: str) -> None:
        async with running_keypool(redis_url, allowed_tokens=TOKENS[:1]) as keypool:
            token_id = (await authorize(keypool, TOKENS[0])).client_id.removeprefix("c-")
        async with running_keypool(redis_url) as keypool:
            await keypool.admin.RevokeToken(admin_pb2.RevokeTokenRequest(token_id=token_id))

        async with running_keypool(redis_url, allowed_tokens=TOKENS[:1]) as keypool:
            assert await refusal(keypool, TOKENS[0]) == ("PERMISSION_DENIED", "TOKEN_REVOKED")

    async def test_those_that_were_made_by_call_stay(self, redis_url: str) -> None:
        async with running_keypool(redis_url, allowed_tokens=TOKENS) as keypool:
            made = await keypool.admin.CreateToken(admin_pb2.CreateTokenRequest())

        async with running_keypool(redis_url) as keypool:
            assert (await authorize(keypool, made.secret)).scopes == ["models", "files"]


async def test_a_key_of_the_settings_has_its_share_and_its_proxy(redis_url: str) -> None:
    entry = {
        "key": secret_of(1),
        "proxy": "socks5://user:word@proxy.example:1080",
        "weight": 2,
        "max_in_flight": 3,
        "priority": 4,
    }
    async with running_keypool(redis_url, api_keys=[entry]) as keypool:
        [key] = await list_keys(keypool)

        assert (key.weight, key.max_in_flight, key.priority) == (2, 3, 4)
        assert key.proxy == "socks5://proxy.example:1080"


PROXIES = [f"http://user:word{number}@proxy-{number}.example:3128" for number in range(4)]


class TestProxies:
    async def leased(self, redis_url: str, proxies: list[str]) -> dict[str, str]:
        """Return the proxy of each of 40 keys."""
        keys = [*secrets_of(40), {"key": secret_of(99), "proxy": "http://own.example:1"}]
        async with running_keypool(redis_url, api_keys=keys, proxies=proxies) as keypool:
            leases = (await keypool.acquire(64)).leases
            shown = {key.key_id: key.proxy for key in await list_keys(keypool)}
        for lease in leases:
            assert shown[lease.key_id] == lease.proxy_url.replace(
                lease.proxy_url.partition("//")[2].rpartition("@")[0] + "@", ""
            )
        return {lease.secret: lease.proxy_url for lease in leases}

    async def test_keys_are_spread_over_them_the_same_each_time(self, redis_url: str) -> None:
        first = await self.leased(redis_url, PROXIES)
        again = await self.leased(redis_url, PROXIES[::-1])
        fewer = await self.leased(redis_url, PROXIES[:3])

        assert len(first) == 41
        assert first.pop(secret_of(99)) == again.pop(secret_of(99)) == "http://own.example:1"
        assert set(first.values()) == set(PROXIES)
        assert first == again
        moved = {secret for secret, proxy in first.items() if fewer[secret] != proxy}
        assert moved == {secret for secret, proxy in first.items() if proxy == PROXIES[3]}

    async def test_without_any_keys_go_directly(self, redis_url: str) -> None:
        found = await self.leased(redis_url, [])

        assert set(found.values()) == {"", "http://own.example:1"}


async def used_key_pool(redis_url: str) -> tuple[str, str]:
    """Use a key pool in every way that stores something; return what must not be found."""
    proxy_password = "a-password-of-a-proxy-0123456789"
    async with running_keypool(
        redis_url, api_keys=secrets_of(2), allowed_tokens=TOKENS, auth_token=OPERATOR
    ) as keypool:
        await add_with_proxy(keypool, proxy_password)
        made = await keypool.admin.CreateToken(admin_pb2.CreateTokenRequest())
        leases = (await keypool.acquire(6, request_id="kept")).leases
        suspended = bodies.SUSPENDED.replace(
            b"AIzaSyA-made-up-key-of-no-one-000000000", leases[0].secret.encode()
        )
        await keypool.settle(failed(leases[0], 403, suspended), succeeded(leases[1]))
        await authorize(keypool, TOKENS[0])
        return made.secret, proxy_password


async def add_with_proxy(keypool: Keypool, password: str) -> None:
    key = admin_pb2.NewKey(
        secret=secret_of(2), proxy_url=f"http://user:{password}@proxy.example:3128"
    )
    await keypool.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=[key]))


async def everything(redis: Redis) -> bytes:
    """Return all names and values, as they are and as they are dumped."""
    run: Callable[..., Awaitable[Any]] = redis.execute_command
    readers = {
        b"string": ("GET",),
        b"hash": ("HGETALL",),
        b"set": ("SMEMBERS",),
        b"zset": ("ZRANGE", 0, -1, "WITHSCORES"),
    }
    parts: list[bytes] = []
    async for name in redis.scan_iter():
        command, *rest = readers[await run("TYPE", name)]
        parts += [name, flat(await run(command, name, *rest)), await run("DUMP", name)]
    return b"\n".join(parts)


def flat(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return b"\n".join(flat(part) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple, set)):
        return b"\n".join(flat(part) for part in value)
    return repr(value).encode()
