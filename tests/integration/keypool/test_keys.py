"""What operators do with keys, and what becomes of them."""

from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from redis.asyncio import Redis

from services.kit.errors import RemoteError
from tests.support.keypool import Keypool, failed, secret_of, secrets_of
from tests.unit.judging import bodies

ACTIVE, PAUSED = admin_pb2.Key.STATE_ACTIVE, admin_pb2.Key.STATE_PAUSED


async def create(keypool: Keypool, *keys: admin_pb2.NewKey, pool: str = "") -> list[bool]:
    response = await keypool.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=keys, pool=pool))
    return [result.created for result in response.results]


async def list_keys(keypool: Keypool, **fields: object) -> list[admin_pb2.Key]:
    """Return the keys of all pages."""
    keys: list[admin_pb2.Key] = []
    token = ""
    while True:
        response = await keypool.admin.ListKeys(
            admin_pb2.ListKeysRequest(page_token=token, **fields)  # type: ignore[arg-type]
        )
        keys += response.keys
        token = response.next_page_token
        if not token:
            return keys


async def update(
    keypool: Keypool, key: admin_pb2.Key, *paths: str, proxy_url: str = ""
) -> admin_pb2.Key:
    """Change the named fields of a key."""
    request = admin_pb2.UpdateKeyRequest(
        key=key, update_mask=FieldMask(paths=list(paths)), proxy_url=proxy_url
    )
    changed = (await keypool.admin.UpdateKey(request)).key
    assert isinstance(changed, admin_pb2.Key)
    return changed


class TestCreate:
    async def test_a_key_is_shown_without_its_secret(self, keypool: Keypool) -> None:
        new = admin_pb2.NewKey(
            secret=secret_of(7),
            note="Ada's",
            tags=["paid", "paid", "eu"],
            proxy_url="http://user:hunter2secret@proxy.example:3128",
        )
        await create(keypool, new)

        [key] = await list_keys(keypool)

        assert (key.note, list(key.tags), key.state) == ("Ada's", ["paid", "eu"], ACTIVE)
        assert key.proxy == "http://proxy.example:3128"
        assert key.alias.startswith("k-")
        assert key.alias.endswith("…0007")
        assert (key.pool, key.weight, key.seeded) == ("default", 1, False)
        assert secret_of(7) not in str(key)
        assert "hunter2" not in str(key)

    async def test_its_leases_carry_secret_and_proxy(self, keypool: Keypool) -> None:
        proxy = "http://user:hunter2secret@proxy.example:3128"
        await create(keypool, admin_pb2.NewKey(secret=secret_of(7), proxy_url=proxy))

        [lease] = (await keypool.acquire()).leases

        assert (lease.secret, lease.proxy_url) == (secret_of(7), proxy)

    async def test_a_known_key_is_reported_and_kept(self, keypool: Keypool) -> None:
        await create(keypool, admin_pb2.NewKey(secret=secret_of(1), note="first"))

        again = admin_pb2.NewKey(secret=secret_of(1), note="second")
        created = await create(keypool, again, admin_pb2.NewKey(secret=secret_of(2)))

        assert created == [False, True]
        assert {key.note for key in await list_keys(keypool)} == {"first", ""}

    async def test_a_key_given_twice_is_created_once(self, keypool: Keypool) -> None:
        new = admin_pb2.NewKey(secret=secret_of(1))

        assert await create(keypool, new, new) == [True, False]

    async def test_a_key_belongs_to_one_pool(self, keypool: Keypool) -> None:
        await create(keypool, admin_pb2.NewKey(secret=secret_of(1)))

        created = await create(keypool, admin_pb2.NewKey(secret=secret_of(1)), pool="other")

        assert created == [False]
        assert [key.pool for key in await list_keys(keypool)] == ["default"]

    async def test_a_removed_key_can_be_brought_back(self, keypool: Keypool) -> None:
        [key_id] = await keypool.add_keys(secret_of(1))
        await keypool.admin.DeleteKey(admin_pb2.DeleteKeyRequest(key_id=key_id))

        created = await create(keypool, admin_pb2.NewKey(secret=secret_of(1)))

        assert created == [True]
        assert (await keypool.acquire()).leases[0].key_id == key_id

    async def test_a_thousand_keys_fit_in_one_call(self, keypool: Keypool) -> None:
        ids = await keypool.add_keys(*secrets_of(1000))

        assert len(set(ids)) == 1000


class TestList:
    async def test_pages_hold_every_key_once_in_the_order_of_ids(self, keypool: Keypool) -> None:
        ids = await keypool.add_keys(*secrets_of(25))

        listed = [key.key_id for key in await list_keys(keypool, page_size=10)]

        assert listed == sorted(ids)

    async def test_pools_are_listed_together_or_apart(self, keypool: Keypool) -> None:
        here = await keypool.add_keys(*secrets_of(3))
        there = await keypool.add_keys(secret_of(8), secret_of(9), pool="other")

        both = [key.key_id for key in await list_keys(keypool, page_size=2)]
        other = [key.key_id for key in await list_keys(keypool, pool="other")]

        assert both == sorted(here + there)
        assert other == sorted(there)

    async def test_filters_narrow_the_list(self, keypool: Keypool) -> None:
        tagged = [admin_pb2.NewKey(secret=secret_of(n), tags=["eu"]) for n in range(3)]
        await create(keypool, *tagged)
        paused, *_ = await keypool.add_keys(*secrets_of(6))
        await keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=paused))

        assert len(await list_keys(keypool, tag="eu", page_size=2)) == 3
        assert [key.key_id for key in await list_keys(keypool, state=PAUSED)] == [paused]
        assert len(await list_keys(keypool, state=ACTIVE, tag="eu")) == 2

    async def test_a_key_at_rest_takes_600_bytes(self, keypool: Keypool, redis_url: str) -> None:
        # Long enough to be kept in two parts, as Google's are.
        await keypool.add_keys(*secrets_of(1000))

        async with Redis.from_url(redis_url) as redis:
            sizes = [
                await redis.memory_usage(name, samples=0) or 0 async for name in redis.scan_iter()
            ]

        assert sum(sizes) <= 600 * 1000

    async def test_secrets_of_any_length_come_back_whole(self, keypool: Keypool) -> None:
        secrets = ["AQ." + "x" * length for length in (8, 28, 29, 30, 31, 100, 509)]
        await keypool.add_keys(*secrets)

        leases = (await keypool.acquire(len(secrets))).leases

        assert {lease.secret for lease in leases} == set(secrets)


class TestChange:
    async def test_a_paused_key_is_not_leased_until_it_is_resumed(self, keypool: Keypool) -> None:
        first, second = await keypool.add_keys(*secrets_of(2))
        response = await keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=first))
        assert response.key.state == PAUSED

        while_paused = {lease.key_id for lease in (await keypool.acquire(4)).leases}
        await keypool.admin.ResumeKey(admin_pb2.ResumeKeyRequest(key_id=first))
        afterwards = {lease.key_id for lease in (await keypool.acquire(4)).leases}

        assert (while_paused, afterwards) == ({second}, {first, second})

    async def test_the_mask_says_what_changes(self, keypool: Keypool) -> None:
        new = admin_pb2.NewKey(secret=secret_of(1), note="old", tags=["a"])
        await create(keypool, new)
        [key] = await list_keys(keypool)

        response = await keypool.admin.UpdateKey(
            admin_pb2.UpdateKeyRequest(
                key=admin_pb2.Key(key_id=key.key_id, note="new", tags=["b"], weight=5),
                update_mask=FieldMask(paths=["note", "weight"]),
            )
        )

        assert (response.key.note, response.key.tags, response.key.weight) == ("new", ["a"], 5)

    async def test_its_share_is_kept_and_can_be_changed(self, keypool: Keypool) -> None:
        new = admin_pb2.NewKey(secret=secret_of(1), weight=3, max_in_flight=2, priority=-1)
        await create(keypool, new)
        [made] = await list_keys(keypool)

        changed = await update(
            keypool,
            admin_pb2.Key(key_id=made.key_id, weight=0, max_in_flight=0, priority=7),
            *("weight", "max_in_flight", "priority"),
        )

        assert (made.weight, made.max_in_flight, made.priority) == (3, 2, -1)
        assert (changed.weight, changed.max_in_flight, changed.priority) == (1, 0, 7)
        assert await keypool.key(made.key_id) == changed

    @pytest.mark.parametrize(
        "wrong",
        [
            {"weight": -1},
            {"weight": 1001},
            {"max_in_flight": -1},
            {"max_in_flight": 100_001},
            {"priority": 1001},
            {"priority": -1001},
            {"proxy_url": "proxy.example"},
            {"proxy_url": "ftp://proxy.example"},
            {"proxy_url": "http://"},
            {"proxy_url": "http://proxy.example:port"},
        ],
    )
    async def test_what_cannot_be_meant_is_refused(
        self, keypool: Keypool, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(RemoteError) as failure:
            await create(keypool, admin_pb2.NewKey(secret=secret_of(1), **wrong))

        assert failure.value.code.name == "INVALID_ARGUMENT"
        assert str(failure.value).startswith(f"keys[0].{next(iter(wrong))}: ")

    async def test_a_proxy_is_changed_and_shown_without_credentials(self, keypool: Keypool) -> None:
        [key_id] = await keypool.add_keys(secret_of(1))
        url = "http://user:password@proxy.example:3128"

        set_to = await update(keypool, admin_pb2.Key(key_id=key_id), "proxy", proxy_url=url)
        [lease] = (await keypool.acquire()).leases
        removed = await update(keypool, admin_pb2.Key(key_id=key_id), "proxy")

        assert set_to.proxy == "http://proxy.example:3128"
        assert (lease.proxy_url, removed.proxy) == (url, "")
        assert (await keypool.acquire()).leases[0].proxy_url == ""

    async def test_resuming_ends_a_cool_down_of_the_project_that_the_key_brought(
        self, keypool: Keypool
    ) -> None:
        guilty, other = await keypool.add_keys(*secrets_of(2), project="shared")
        leases = (await keypool.acquire(2)).leases
        lease = next(lease for lease in leases if lease.key_id == guilty)
        disabled = bodies.error(403, "PERMISSION_DENIED", "x", bodies.info("SERVICE_DISABLED"))
        await keypool.settle(failed(lease, 403, disabled))

        await keypool.admin.ResumeKey(admin_pb2.ResumeKeyRequest(key_id=other))
        still = (await keypool.acquire()).leases
        await keypool.admin.ResumeKey(admin_pb2.ResumeKeyRequest(key_id=guilty))

        assert len(still) == 0
        assert len((await keypool.acquire()).leases) == 1

    async def test_a_key_moves_to_another_project(self, keypool: Keypool) -> None:
        first, second = await keypool.add_keys(*secrets_of(2))
        for key_id in (first, second):
            await keypool.admin.UpdateKey(
                admin_pb2.UpdateKeyRequest(
                    key=admin_pb2.Key(key_id=key_id, project_id="shared"),
                    update_mask=FieldMask(paths=["project_id"]),
                )
            )

        leases = (await keypool.acquire(4)).leases
        response = await keypool.pool.Explain(keypool_pb2.ExplainRequest(model="m"))

        assert {lease.project_id for lease in leases} == {"shared"}
        assert {lease.key_id for lease in leases} == {first, second}
        assert [project.project_id for project in response.projects] == ["shared"]

    async def test_a_deleted_key_is_gone(self, keypool: Keypool) -> None:
        [key_id] = await keypool.add_keys(secret_of(1))

        response = await keypool.admin.DeleteKey(admin_pb2.DeleteKeyRequest(key_id=key_id))

        assert not response.seeded
        assert await list_keys(keypool) == []
        refusal = (await keypool.acquire()).refusal
        assert refusal.reason == keypool_pb2.Refusal.REASON_POOL_EMPTY

    @pytest.mark.parametrize("method", ["GetKey", "PauseKey", "ResumeKey", "DeleteKey"])
    async def test_an_unknown_key_is_not_found(self, keypool: Keypool, method: str) -> None:
        request = getattr(admin_pb2, f"{method}Request")(key_id="k-none")

        with pytest.raises(RemoteError) as failure:
            await getattr(keypool.admin, method)(request)

        assert (failure.value.code.name, failure.value.reason) == ("NOT_FOUND", "KEY_UNKNOWN")
