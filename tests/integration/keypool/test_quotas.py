"""Limits that operators declare, by calls and by a file, and what they do to leases."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from redis.asyncio import Redis

from tests.integration.keypool.test_projects import move, project, projects, refused, set_tier
from tests.support.keypool import Keypool, running_keypool, secret_of, secrets_of
from tests.support.waiting import eventually

FILE = """
[tiers.free."gemini-*"]
rpm = 3
rpd = 250

[projects.team-a]
tier = "free"

[projects.team-a.models."gemini-2.5-pro"]
rpm = 1
"""


def quota(model: str = "m", **fields: Any) -> admin_pb2.Quota:
    return admin_pb2.Quota(model=model, **fields)


async def declare(keypool: Keypool, declared: admin_pb2.Quota, pool: str = "") -> admin_pb2.Quota:
    response = await keypool.admin.SetQuota(admin_pb2.SetQuotaRequest(quota=declared, pool=pool))
    assert isinstance(response.quota, admin_pb2.Quota)
    return response.quota


async def withdraw(keypool: Keypool, declared: admin_pb2.Quota) -> None:
    await keypool.admin.DeleteQuota(admin_pb2.DeleteQuotaRequest(quota=declared))


async def quotas(keypool: Keypool, pool: str = "") -> list[admin_pb2.Quota]:
    response = await keypool.admin.ListQuotas(admin_pb2.ListQuotasRequest(pool=pool))
    return list(response.quotas)


async def granted(keypool: Keypool, model: str, count: int = 8) -> int:
    """Return how many leases are granted at once."""
    return len((await keypool.acquire(count, model=model)).leases)


class TestCalls:
    async def test_a_declared_limit_holds_at_once(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="team-a")
        declared = quota(project_id="team-a", requests_per_minute=2)

        assert await declare(keypool, declared) == declared

        assert await granted(keypool, "m") == 2
        assert await granted(keypool, "other") == 8

    async def test_a_raised_limit_frees_what_waits(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="team-a")
        await declare(keypool, quota(project_id="team-a", requests_per_day=2))
        assert await granted(keypool, "m") == 2

        await declare(keypool, quota(project_id="team-a", requests_per_day=5))

        assert await granted(keypool, "m") == 3

    async def test_a_withdrawn_limit_holds_no_more(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="team-a")
        declared = quota(project_id="team-a", requests_per_minute=1)
        await declare(keypool, declared)
        assert await granted(keypool, "m") == 1

        await withdraw(keypool, declared)

        assert await quotas(keypool) == []
        assert await granted(keypool, "m") == 8

    async def test_limits_of_a_tier_hold_for_its_projects(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="team-a")
        await declare(keypool, quota("gemini-*", tier="free", requests_per_minute=2))
        assert await granted(keypool, "gemini-2.5-pro") == 8

        await set_tier(keypool, "team-a", "free")

        assert await granted(keypool, "gemini-2.5-flash") == 2

    async def test_zero_means_not_offered(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="team-a")
        await declare(keypool, quota(project_id="team-a", requests_per_day=0))

        answer = await keypool.acquire()

        assert answer.refusal.reason == keypool_pb2.Refusal.REASON_MODEL_ABSENT

    async def test_they_are_listed_by_pool(self, keypool: Keypool) -> None:
        first = quota("a*", tier="free", requests_per_minute=1, input_tokens_per_minute=0)
        second = quota("m", project_id="p", requests_per_day=10**12)
        await declare(keypool, first)
        await declare(keypool, second)
        await declare(keypool, quota(tier="free", requests_per_day=1), pool="other")

        assert sorted(each.model for each in await quotas(keypool)) == ["a*", "m"]
        assert first in await quotas(keypool)
        assert second in await quotas(keypool)
        assert len(await quotas(keypool, "other")) == 1

    @pytest.mark.parametrize(
        "wrong",
        [
            quota(requests_per_day=1),
            quota(tier="t", project_id="p", requests_per_day=1),
            quota(tier="t"),
            quota("", tier="t", requests_per_day=1),
            quota("models/x", tier="t", requests_per_day=1),
            quota(tier="a/b", requests_per_day=1),
            quota(tier="t", requests_per_day=-1),
            quota(tier="t", requests_per_minute=10**12 + 1),
        ],
    )
    async def test_what_cannot_be_meant_is_refused(
        self, keypool: Keypool, wrong: admin_pb2.Quota
    ) -> None:
        assert await refused(declare(keypool, wrong)) == ("INVALID_ARGUMENT", "INVALID_REQUEST")

    async def test_what_was_never_declared_cannot_be_withdrawn(self, keypool: Keypool) -> None:
        refusal = await refused(withdraw(keypool, quota(tier="t")))

        assert refusal == ("NOT_FOUND", "QUOTA_UNKNOWN")


class TestFile:
    async def test_what_it_says_holds(self, redis_url: str, tmp_path: Path) -> None:
        path = written(tmp_path / "quotas.toml", FILE)
        async with running_keypool(redis_url, quota_file=path) as keypool:
            # The project comes after the file.
            await keypool.add_keys(secret_of(1), project="team-a")

            assert (await project(keypool, "team-a")).tier == "free"
            assert await granted(keypool, "gemini-2.5-flash") == 3
            assert await granted(keypool, "gemini-2.5-pro") == 1

    async def test_a_change_is_taken_up(self, redis_url: str, tmp_path: Path) -> None:
        path = written(tmp_path / "quotas.toml", FILE)
        async with running_keypool(redis_url, quota_file=path) as keypool:
            await keypool.add_keys(secret_of(1), project="team-a")
            assert await granted(keypool, "gemini-2.5-flash") == 3

            written(path, FILE.replace("rpm = 3", "rpm = 5"))
            await eventually(
                lambda: quotas(keypool),
                lambda found: any(each.requests_per_minute == 5 for each in found),
            )

            assert await granted(keypool, "gemini-2.5-flash") == 2

    async def test_a_link_that_is_swapped_is_a_change(self, redis_url: str, tmp_path: Path) -> None:
        # As Kubernetes updates a mounted ConfigMap.
        for name, text in (("one", FILE), ("two", '[tiers.paid."*"]\nrpm = 9\n')):
            (tmp_path / name).mkdir()
            written(tmp_path / name / "quotas.toml", text)
        (tmp_path / "..data").symlink_to("one")
        (tmp_path / "quotas.toml").symlink_to("..data/quotas.toml")
        async with running_keypool(redis_url, quota_file=tmp_path / "quotas.toml") as keypool:
            (tmp_path / "..new").symlink_to("two")
            os.replace(tmp_path / "..new", tmp_path / "..data")  # noqa: PTH105

            await eventually(
                lambda: quotas(keypool), lambda found: [each.tier for each in found] == ["paid"]
            )

    async def test_what_left_the_file_is_withdrawn_and_nothing_else(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        path = written(tmp_path / "quotas.toml", FILE)
        async with running_keypool(redis_url, quota_file=path) as keypool:
            await keypool.add_keys(secret_of(1), project="team-a")
            await declare(keypool, quota("mine", tier="free", requests_per_minute=7))

            written(path, "")
            await eventually(lambda: quotas(keypool), lambda found: len(found) == 1)

            assert [each.model for each in await quotas(keypool)] == ["mine"]
            assert (await project(keypool, "team-a")).tier == ""

    async def test_a_start_without_the_file_withdraws_it(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        path = written(tmp_path / "quotas.toml", FILE)
        async with running_keypool(redis_url, quota_file=path) as keypool:
            assert len(await quotas(keypool)) == 2

        async with running_keypool(redis_url) as keypool:
            assert await quotas(keypool) == []

    async def test_a_bad_change_is_not_taken_up(
        self, redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = written(tmp_path / "quotas.toml", FILE)
        async with running_keypool(redis_url, quota_file=path) as keypool:
            before = await quotas(keypool)
            said = ""

            async def read() -> str:
                nonlocal said
                said += capsys.readouterr().out
                return said

            written(path, FILE.replace("rpm = 3", 'rpm = "three"'))
            await eventually(read, lambda text: "is not used" in text)
            assert "tiers.free.gemini-*.rpm" in said
            assert await quotas(keypool) == before

            path.unlink()
            await eventually(read, lambda text: "cannot be read" in text)
            assert await quotas(keypool) == before

            written(path, FILE.replace("rpm = 3", "rpm = 4"))
            await eventually(lambda: quotas(keypool), lambda found: found != before)

    async def test_what_the_file_declares_is_changed_there_alone(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        path = written(tmp_path / "quotas.toml", FILE)
        async with running_keypool(redis_url, quota_file=path) as keypool:
            await keypool.add_keys(secret_of(1), project="team-a")
            filed = quota("gemini-*", tier="free", requests_per_minute=99)

            for call in (
                declare(keypool, filed),
                withdraw(keypool, filed),
                set_tier(keypool, "team-a", "paid"),
            ):
                assert await refused(call) == ("FAILED_PRECONDITION", "DECLARED_IN_FILE")

    async def test_a_store_that_comes_back_empty_gets_it_again(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        path = written(tmp_path / "quotas.toml", FILE)
        async with (
            running_keypool(redis_url, quota_file=path) as keypool,
            Redis.from_url(redis_url) as redis,
        ):
            before = await quotas(keypool)

            await redis.flushall()

            await eventually(lambda: quotas(keypool), lambda found: found == before)


class TestGroups:
    async def test_keys_are_selected_by_id_alias_and_end_of_secret(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        async with running_keypool(redis_url) as keypool:
            ids = await keypool.add_keys(*secrets_of(5))
            alias = (await keypool.key(ids[1])).alias
        end = secret_of(2)[-7:]
        path = written(
            tmp_path / "quotas.toml",
            f'[projects.team-a]\nkeys = ["{ids[0]}", "{alias.replace("…", "...")}", "...{end}"]\n'
            f'[projects.team-b]\nkeys = ["...{secret_of(77)[-6:]}"]\n',
        )

        async with running_keypool(redis_url, quota_file=path) as keypool:
            assert sorted((await project(keypool, "team-a")).key_ids) == sorted(ids[:3])
            assert len(await projects(keypool)) == 3
            # One that comes later is put there, too.
            [late] = await keypool.add_keys(secret_of(77))
            assert (await keypool.key(late)).project_id == "team-b"

    async def test_keys_that_left_the_file_are_on_their_own_again(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        async with running_keypool(redis_url) as keypool:
            one, other, moved, late_to_be = await keypool.add_keys(*secrets_of(4))
        lines = (
            f'[projects.team-a]\nkeys = ["{one}", "{other}", "{moved}", "...{secret_of(9)[-5:]}"]'
        )
        path = written(tmp_path / "quotas.toml", lines)
        async with running_keypool(redis_url, quota_file=path) as keypool:
            [late] = await keypool.add_keys(secret_of(9))
            await move(keypool, moved, "elsewhere")

            written(path, f'[projects.team-a]\nkeys = ["{one}"]')
            await eventually(
                lambda: keypool.key(other), lambda key: key.project_id == f"own-{other}"
            )

            assert (await keypool.key(one)).project_id == "team-a"
            assert (await keypool.key(late)).project_id == f"own-{late}"
            assert (await keypool.key(moved)).project_id == "elsewhere"
            assert (await keypool.key(late_to_be)).project_id == f"own-{late_to_be}"

    async def test_unreadable_keys_are_selected_by_name(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        async with running_keypool(redis_url) as keypool:
            [key_id] = await keypool.add_keys(secret_of(1))
        path = written(tmp_path / "quotas.toml", f'[projects.team-a]\nkeys = ["{key_id}"]')

        values = {"quota_file": path, "encryption_key": "another key-encryption key"}
        async with running_keypool(redis_url, **values) as keypool:
            assert (await keypool.key(key_id)).project_id == "team-a"


async def test_a_bad_file_stops_the_start(tmp_path: Path) -> None:
    path = written(tmp_path / "quotas.toml", "[tiers.free.gemini]\nrpn = 3\n")
    environment = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "ENCRYPTION_KEY": "a key-encryption key for tests",
        "SERVICE_CREDENTIALS": "[]",
        "QUOTA_FILE": str(path),
    }
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.keypool"),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )

    _, said = await asyncio.wait_for(started.communicate(), 30)

    assert started.returncode == 2
    lines = said.decode().splitlines()
    [line] = [line for line in lines if "QUOTA_FILE" in line]
    assert line.endswith("tiers.free.gemini.rpn: Extra inputs are not permitted")


def written(path: Path, text: str) -> Path:
    """Write a file, whole at any time."""
    path.with_suffix(".new").write_text(text)
    return path.with_suffix(".new").replace(path)
