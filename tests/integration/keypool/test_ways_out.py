"""Proxies for projects and tags, declared by calls and by the quota file."""

from pathlib import Path
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from redis.asyncio import Redis

from services.kit.errors import RemoteError
from tests.integration.keypool.test_keys import list_keys
from tests.integration.keypool.test_projects import move, refused
from tests.support.keypool import ENCRYPTION_KEY, Keypool, failed, running_keypool, secret_of
from tests.support.waiting import eventually
from tests.unit.judging import bodies

OWN, PROJECT, TAG, OTHER, ALL = (
    f"http://joe:hunter2word@{name}.example:3128"
    for name in ("own", "project", "tag", "other", "all")
)
LOCATION = bodies.error(
    400, "FAILED_PRECONDITION", "User location is not supported for the API use."
)


async def declare(
    keypool: Keypool, name: str, *proxies: str, paths: tuple[str, ...] = (), **fields: Any
) -> pb.Egress:
    request = pb.SetEgressRequest(
        egress=pb.Egress(name=name, **fields),
        proxy_urls=proxies,
        update_mask=FieldMask(paths=paths),
    )
    egress = (await keypool.admin.SetEgress(request)).egress
    assert isinstance(egress, pb.Egress)
    return egress


async def declared(keypool: Keypool, pool: str = "") -> list[pb.Egress]:
    return list((await keypool.admin.ListEgresses(pb.ListEgressesRequest(pool=pool))).egresses)


async def add(keypool: Keypool, number: int, pool: str = "", **fields: Any) -> str:
    key = pb.NewKey(secret=secret_of(number), **fields)
    created = await keypool.admin.CreateKeys(pb.CreateKeysRequest(keys=[key], pool=pool))
    return str(created.results[0].key.key_id)


async def ways(keypool: Keypool, pool: str = "") -> dict[str, str]:
    """Return the proxy of a lease of each key, and give the leases back."""
    leases = (await keypool.acquire(32, pool=pool)).leases
    unused = [
        keypool_pb2.Settlement(lease_id=lease.lease_id, outcome=keypool_pb2.OUTCOME_UNUSED)
        for lease in leases
    ]
    await keypool.settle(*unused)
    return {lease.key_id: lease.proxy_url for lease in leases}


async def five_keys(keypool: Keypool) -> dict[str, str]:
    """Add a key for each place at which a way out is looked for; return what it should get."""
    return {
        await add(keypool, 1, proxy_url=OWN, project_id="p", tags=["eu"]): OWN,
        await add(keypool, 2, project_id="p", tags=["eu"]): PROJECT,
        await add(keypool, 3, project_id="q", tags=["night", "eu"]): TAG,
        await add(keypool, 4, project_id="q", tags=["night"]): ALL,
        await add(keypool, 5): ALL,
    }


async def declare_both(keypool: Keypool) -> None:
    await declare(keypool, "of-p", PROJECT, project_ids=["p"])
    await declare(keypool, "of-eu", TAG, tags=["eu"])


class TestPrecedence:
    async def test_key_project_tag_all(self, redis_url: str) -> None:
        async with running_keypool(redis_url, proxies=[ALL]) as keypool:
            expected = await five_keys(keypool)
            await declare_both(keypool)

            assert await ways(keypool) == expected
            names = {key.key_id: key.egress for key in await list_keys(keypool)}
            assert list(map(names.get, expected)) == ["", "of-p", "of-eu", "", ""]
            for key in await list_keys(keypool):
                assert key.proxy == expected[key.key_id].replace("joe:hunter2word@", "")

    async def test_without_proxies_for_all_the_others_go_directly(self, keypool: Keypool) -> None:
        expected = await five_keys(keypool)
        await declare_both(keypool)

        direct = {key: "" if proxy == ALL else proxy for key, proxy in expected.items()}
        assert await ways(keypool) == direct

    async def test_restarts_and_replicas_agree(self, redis_url: str) -> None:
        proxies = [f"http://proxy-{number}.example:1" for number in range(5)]
        async with running_keypool(redis_url) as one, running_keypool(redis_url) as other:
            for number in range(20):
                await add(one, number, project_id="p")
            await declare(one, "of-p", *proxies, project_ids=["p"])
            first = await ways(one)
            assert set(first.values()) <= set(proxies)
            assert len(set(first.values())) > 1

            await eventually(lambda: ways(other), lambda found: found == first)

        async with running_keypool(redis_url) as again:
            assert await ways(again) == first

    async def test_a_key_that_changes_project_or_tags_changes_its_way(
        self, keypool: Keypool
    ) -> None:
        key_id = await add(keypool, 1, project_id="q")
        await declare_both(keypool)
        found = [(await ways(keypool))[key_id]]

        await keypool.admin.BatchUpdateKeys(
            pb.BatchUpdateKeysRequest(key_ids=[key_id], add_tags=["eu"])
        )
        found.append((await ways(keypool))[key_id])
        await move(keypool, key_id, "p")
        found.append((await ways(keypool))[key_id])

        assert found == ["", TAG, PROJECT]

    async def test_a_repeated_request_gets_the_same_way(self, keypool: Keypool) -> None:
        await add(keypool, 1, tags=["eu"])
        await declare_both(keypool)

        leases = [(await keypool.acquire(request_id="same")).leases[0] for _ in range(2)]

        assert [lease.proxy_url for lease in leases] == [TAG, TAG]
        assert leases[0].lease_id == leases[1].lease_id

    async def test_pools_are_apart(self, keypool: Keypool) -> None:
        await add(keypool, 1, project_id="p", tags=["eu"], pool="blue")
        await declare_both(keypool)
        before = await ways(keypool, "blue")

        await declare(keypool, "blue", OTHER, project_ids=["p"], pool="blue")

        assert set(before.values()) == {""}
        assert set((await ways(keypool, "blue")).values()) == {OTHER}
        assert [each.name for each in await declared(keypool, "blue")] == ["blue"]


class TestCalls:
    async def test_credentials_are_sealed_and_never_shown(
        self, keypool: Keypool, redis_url: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_to = await declare(keypool, "eu", PROJECT, TAG, project_ids=["p"], tags=["eu"])

        [listed] = await declared(keypool)
        assert listed == set_to
        assert [proxy.url for proxy in listed.proxies] == [
            "http://project.example:3128",
            "http://tag.example:3128",
        ]
        assert (list(listed.project_ids), list(listed.tags), listed.filed) == (["p"], ["eu"], False)
        async with Redis.from_url(redis_url) as redis:
            stored = [await redis.dump(name) or b"" for name in await redis.keys()]
        assert stored
        assert not any(b"hunter2" in value or b"project.example" in value for value in stored)
        assert "hunter2" not in f"{listed}{capsys.readouterr()}"

    async def test_what_is_not_in_the_mask_stays(self, keypool: Keypool) -> None:
        await declare(keypool, "eu", PROJECT, project_ids=["p"])

        await declare(keypool, "eu", tags=["night"], paths=("tags",))
        tagged = await declared(keypool)
        await declare(keypool, "eu", TAG, paths=("proxies",))

        assert (list(tagged[0].project_ids), list(tagged[0].tags)) == (["p"], ["night"])
        assert tagged[0].proxies[0].url == "http://project.example:3128"
        [now] = await declared(keypool)
        assert (list(now.project_ids), list(now.tags)) == (["p"], ["night"])
        assert [proxy.url for proxy in now.proxies] == ["http://tag.example:3128"]

    async def test_a_withdrawn_one_holds_no_more(self, keypool: Keypool) -> None:
        key_id = await add(keypool, 1, project_id="p")
        await declare_both(keypool)
        before = await ways(keypool)

        await keypool.admin.DeleteEgress(pb.DeleteEgressRequest(name="of-p"))

        assert (before, await ways(keypool)) == ({key_id: PROJECT}, {key_id: ""})
        assert [each.name for each in await declared(keypool)] == ["of-eu"]
        again = keypool.admin.DeleteEgress(pb.DeleteEgressRequest(name="of-p"))
        assert await refused(again) == ("NOT_FOUND", "EGRESS_UNKNOWN")

    @pytest.mark.parametrize(
        ("fields", "proxies", "paths", "problem"),
        [
            ({"name": ""}, [OWN], (), "egress.name"),
            ({"name": "a/b"}, [OWN], (), "egress.name"),
            ({"name": "eu", "project_ids": ["a b"]}, [OWN], (), "egress.project_ids[0]"),
            ({"name": "eu", "tags": [""]}, [OWN], (), "egress.tags[0]"),
            ({"name": "eu", "tags": ["a"]}, [], (), "proxy_urls"),
            ({"name": "eu", "tags": ["a"]}, ["ftp://x"], (), "proxy_urls[0]"),
            ({"name": "eu", "tags": ["a"]}, [""], (), "proxy_urls[0]"),
            ({"name": "eu", "tags": ["a"]}, [], ("tags",), "proxy_urls"),
            ({"name": "eu", "tags": ["a"]}, [OWN], ("name",), "update_mask"),
        ],
    )
    async def test_what_cannot_be_meant_is_refused(
        self,
        keypool: Keypool,
        fields: dict[str, Any],
        proxies: list[str],
        paths: tuple[str, ...],
        problem: str,
    ) -> None:
        with pytest.raises(RemoteError) as failure:
            await declare(keypool, *([fields.pop("name")]), *proxies, paths=paths, **fields)

        assert failure.value.code.name == "INVALID_ARGUMENT"
        assert str(failure.value).startswith(f"{problem}: ")
        assert "hunter2" not in str(failure.value)
        assert await declared(keypool) == []


class TestFile:
    FILE = f'[egress.office]\nproxies = ["{TAG}"]\ntags = ["eu"]\n'

    async def test_it_holds_and_a_change_is_taken_up(self, redis_url: str, tmp_path: Path) -> None:
        path = tmp_path / "quotas.toml"
        path.write_text(self.FILE)
        async with running_keypool(redis_url, quota_file=path) as keypool:
            key_id = await add(keypool, 1, tags=["eu"])
            assert await ways(keypool) == {key_id: TAG}
            [listed] = await declared(keypool)
            assert (listed.name, listed.filed) == ("office", True)

            path.write_text(self.FILE.replace(TAG, OTHER))
            await eventually(lambda: ways(keypool), lambda found: found == {key_id: OTHER})

            path.write_text("")
            await eventually(lambda: ways(keypool), lambda found: found == {key_id: ""})

    async def test_it_is_changed_in_the_file_alone(self, redis_url: str, tmp_path: Path) -> None:
        path = tmp_path / "quotas.toml"
        path.write_text(self.FILE)
        async with running_keypool(redis_url, quota_file=path) as keypool:
            removal = keypool.admin.DeleteEgress(pb.DeleteEgressRequest(name="office"))
            for call in (declare(keypool, "office", OTHER, tags=["x"]), removal):
                assert await refused(call) == ("FAILED_PRECONDITION", "DECLARED_IN_FILE")


class TestHealth:
    async def test_a_refused_proxy_is_avoided_and_told(self, keypool: Keypool) -> None:
        await add(keypool, 1, project_id="p")
        good = await add(keypool, 2, project_id="q")
        await declare(keypool, "bad", PROJECT, project_ids=["p"])
        await declare(keypool, "good", OTHER, project_ids=["q"])
        leases = {lease.proxy_url: lease for lease in (await keypool.acquire(2)).leases}

        await keypool.settle(failed(leases[PROJECT], 400, LOCATION))

        await eventually(lambda: ways(keypool), lambda found: found == {good: OTHER})
        until = {
            each.name: each.proxies[0].HasField("avoid_until") for each in await declared(keypool)
        }
        assert until == {"bad": True, "good": False}
        projects = (await keypool.pool.Explain(keypool_pb2.ExplainRequest(model="m"))).projects
        told = {
            project.project_id: [(way.proxy, way.egress, way.avoided) for way in project.ways_out]
            for project in projects
        }
        assert told == {
            "p": [("http://project.example:3128", "bad", True)],
            "q": [("http://other.example:3128", "good", False)],
        }

    async def test_explain_tells_each_way_of_a_project_once(self, keypool: Keypool) -> None:
        for number in range(30):
            await add(keypool, number, project_id="p", tags=["eu"] if number % 2 else [])
        await declare(keypool, "of-eu", TAG, tags=["eu"])

        [project] = (await keypool.pool.Explain(keypool_pb2.ExplainRequest(model="m"))).projects

        assert sorted(way.proxy for way in project.ways_out) == ["", "http://tag.example:3128"]


class TestEncryption:
    async def test_proxies_that_cannot_be_unsealed_let_nobody_out(
        self, redis_url: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with running_keypool(redis_url) as keypool:
            await declare(keypool, "of-p", PROJECT, project_ids=["p"])

        async with running_keypool(redis_url, encryption_key="another encryption key") as keypool:
            bound, free = await add(keypool, 1, project_id="p"), await add(keypool, 2)

            assert await ways(keypool) == {free: ""}
            assert (await keypool.key(bound)).state == pb.Key.STATE_UNREADABLE
            [listed] = await declared(keypool)
            assert (listed.unreadable, list(listed.proxies)) == (True, [])
            assert capsys.readouterr().out.count("a way out cannot be unsealed") == 1

            await declare(keypool, "of-p", OTHER, project_ids=["p"])
            assert await ways(keypool) == {bound: OTHER, free: ""}

    async def test_they_are_sealed_anew_with_all_else(self, redis_url: str) -> None:
        async with running_keypool(redis_url) as keypool:
            key_id = await add(keypool, 1, project_id="p")
            await declare(keypool, "of-p", PROJECT, project_ids=["p"])

        new = "a new key-encryption key"
        async with running_keypool(redis_url, encryption_key=new) as keypool:
            request = pb.RekeySecretsRequest(old_encryption_key=ENCRYPTION_KEY)
            told = await keypool.admin.RekeySecrets(request)
            assert (told.resealed_count, told.unreadable_count) == (2, 0)
            assert await ways(keypool) == {key_id: PROJECT}
            again = await keypool.admin.RekeySecrets(pb.RekeySecretsRequest())
            assert (again.resealed_count, again.current_count) == (0, 2)

        async with running_keypool(redis_url, encryption_key=new) as keypool:
            assert await ways(keypool) == {key_id: PROJECT}
