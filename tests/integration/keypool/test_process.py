"""The service as a process, and what happens while its store is away."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import grpc.aio
import pytest

from services.keypool.server import run_keypool
from services.kit.errors import RemoteError
from services.kit.health import Health
from tests.support.keypool import (
    CREDENTIALS,
    ENCRYPTION_KEY,
    Keypool,
    secrets_of,
    settings,
    succeeded,
    until_ready,
)
from tests.support.valkey import started_valkey
from tests.support.waiting import eventually

BOOK = json.dumps(
    [{"name": name, "secret": secret, "scopes": s} for name, (secret, s) in CREDENTIALS.items()]
)


def environment(**values: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    base = {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "ENCRYPTION_KEY": ENCRYPTION_KEY,
        "SERVICE_CREDENTIALS": BOOK,
        "KEYPOOL_LISTEN": "127.0.0.1:0",
        "OPS_HOST": "127.0.0.1",
        "OPS_PORT": "0",
    }
    return kept | {name: value for name, value in (base | values).items() if value}


async def run(env: dict[str, str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.keypool"),
        cwd=Path(__file__).parents[3],
        env=env,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, errors.decode()


@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        ("REDIS_URL", "", "REDIS_URL is not set"),
        ("REDIS_URL", "http://:hunter2@h", "REDIS_URL: "),
        ("REDIS_URL", "redis+sentinel://:hunter2@h", "REDIS_URL: "),
        ("ENCRYPTION_KEY", "", "ENCRYPTION_KEY is not set"),
        ("ENCRYPTION_KEY", "hunter2", "ENCRYPTION_KEY: "),
        ("SERVICE_CREDENTIALS", "", "SERVICE_CREDENTIALS is not set"),
        ("SERVICE_CREDENTIALS", "hunter2", "SERVICE_CREDENTIALS: "),
        ("API_KEYS", '["hunter2 is short"]', "API_KEYS.0.KEY: "),
        ("API_KEYS", '["hunter2', "API_KEYS: "),
        ("ALLOWED_TOKENS", '["hunter2 with spaces"]', "ALLOWED_TOKENS: "),
    ],
)
async def test_a_bad_setting_stops_the_start_with_one_line(
    setting: str, value: str, line: str
) -> None:
    code, errors = await run(environment(**{setting: value}))

    assert code == 2
    assert f"gemini-balance keypool: {line}" in errors
    assert "hunter2" not in errors
    assert len(errors.splitlines()) == 1


async def count_of_leases(keypool: Keypool) -> int:
    """Return how many leases are granted; none while the store is still being filled."""
    try:
        return len((await keypool.acquire()).leases)
    except RemoteError:
        return 0


async def test_the_process_serves_and_ends_in_order(redis_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.keypool"),
        cwd=Path(__file__).parents[3],
        env=environment(REDIS_URL=redis_url, API_KEYS=",".join(secrets_of(2)), LOG_AS_JSON="1"),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    lines = []
    async with asyncio.timeout(30):
        async for line in process.stderr:
            entry = json.loads(line)
            lines.append(line.decode())
            if entry["event"] == "keypool started":
                break
        port = entry["port"]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            keypool = Keypool(port, channel)
            await eventually(lambda: count_of_leases(keypool), bool)
        process.send_signal(signal.SIGTERM)
        code = await process.wait()
        lines += [line.decode() async for line in process.stderr]

    assert code == 0
    assert not [line for line in lines if "Test0000" in line or "credential-01" in line]


async def test_while_the_store_is_away_calls_fail_at_once_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    with started_valkey(tmp_path) as valkey:
        health = Health("redis", "accepting")
        values = settings(valkey.url, api_keys=secrets_of(2))
        async with run_keypool(values, health) as server:
            await until_ready(health)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                keypool = Keypool(server.port, channel)
                [lease] = (await keypool.acquire()).leases
                valkey.kill()
                await until_ready(health, ready=False)

                with pytest.raises(RemoteError) as away:
                    await keypool.acquire()
                valkey.start()
                await until_ready(health)
                await keypool.settle(succeeded(lease))

                assert away.value.code.name == "UNAVAILABLE"
                assert away.value.reason == "STORE_UNAVAILABLE"
                assert (await keypool.key(lease.key_id)).success_count == 1


async def test_it_starts_before_its_store_does(tmp_path: Path) -> None:
    with started_valkey(tmp_path) as valkey:
        valkey.kill()
        health = Health("redis", "accepting")
        async with (
            run_keypool(settings(valkey.url, api_keys=secrets_of(1)), health) as server,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            keypool = Keypool(server.port, channel)
            with pytest.raises(RemoteError) as away:
                await keypool.acquire()
            valkey.start()
            await until_ready(health)

            assert away.value.reason == "STORE_UNAVAILABLE"
            assert (await keypool.acquire()).leases
