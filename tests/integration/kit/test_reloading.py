"""Settings and secrets that change while a key pool runs, mounted as on a cluster."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.kit.errors import RemoteError
from tests.support.calling import Callers
from tests.support.keypool import CREDENTIALS, Caller, secrets_of
from tests.support.keypool_process import KeypoolProcess, credentials, keypool_process
from tests.support.mounted import Mounted
from tests.support.ports import free_port
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

FIRST, *OTHERS = secrets_of(3)
NEW_SECRET = "another-edge-credential-9876543210"


@dataclass
class World:
    """A key pool whose secrets and settings are mounted files.

    Attributes:
        files: The content of each.
    """

    process: KeypoolProcess
    mounted: Mounted
    files: dict[str, str]

    @property
    def target(self) -> str:
        return f"{self.process.host}:{self.process.port}"

    def put(self, **files: str) -> None:
        """Replace some files, in one step."""
        self.files |= files
        self.mounted.put(self.files)

    async def ask(self, method: str, request: Any, by: str = "operator") -> Any:
        """Make a call with a credential of the tests."""
        async with grpc.aio.insecure_channel(self.target) as channel:
            return await getattr(Caller(channel, CREDENTIALS[by][0]), method)(request)

    async def keys(self) -> int:
        """Return how many keys there are."""
        return len((await self.ask("ListKeys", pb.ListKeysRequest(page_size=10))).keys)

    async def active_tokens(self) -> int:
        """Return how many tokens open something."""
        response = await self.ask("ListTokens", pb.ListTokensRequest(page_size=10))
        return sum(token.state == pb.Token.STATE_ACTIVE for token in response.tokens)

    async def lines(self, event: str) -> list[dict[str, Any]]:
        """Return what the process has logged of an event."""
        rows = [json.loads(line) for line in self.process.log.read_text().splitlines()]
        return [row for row in rows if row["event"] == event]


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[World]:
    files = {
        "SERVICE_CREDENTIALS": credentials(),
        "API_KEYS": FIRST,
        "ALLOWED_TOKENS": "token-of-one,token-of-two",
        "settings": "LOG_LEVEL=INFO\nTEST_MODEL=gemini-2.5-flash\n",
    }
    mounted = Mounted(tmp_path / "mounted", files)
    settings = {f"{name}_FILE": str(mounted.path(name)) for name in files if name != "settings"}
    settings |= {"SERVICE_CREDENTIALS": "", "SETTINGS_FILE": str(mounted.path("settings"))}
    with keypool_process(tmp_path, redis_url, "127.0.0.1", free_port(), settings) as process:
        await process.ready()
        yield World(process, mounted, files)
    written = process.log.read_text()
    for secret in (FIRST, *OTHERS, NEW_SECRET, *(secret for secret, _ in CREDENTIALS.values())):
        assert secret not in written


async def accepts(callers: Callers) -> bool:
    try:
        await callers.ask()
    except RemoteError as error:
        if error.code is grpc.StatusCode.UNAUTHENTICATED:
            return False
        raise
    return True


async def test_a_credential_gives_way_to_another_without_a_failed_call(world: World) -> None:
    late, early = Callers(world.target), Callers(world.target, credential=NEW_SECRET)
    async with Callers(world.target) as callers:
        await callers.more(200)
        assert not await accepts(early)

        both = json.loads(credentials()) + json.loads(credentials(edge=NEW_SECRET))
        world.put(SERVICE_CREDENTIALS=json.dumps(both))
        await eventually(lambda: accepts(early), bool)
        await callers.more(200)
        callers.channel.credential = NEW_SECRET
        await callers.more(200)
        world.put(SERVICE_CREDENTIALS=credentials(edge=NEW_SECRET))
        await eventually(lambda: accepts(late), lambda yes: not yes)
        await callers.more(200)

    assert callers.failures == []
    await late.channel.close()
    await early.channel.close()


async def test_keys_and_tokens_of_the_settings_reach_the_store(world: World) -> None:
    assert await world.keys() == 1
    assert await world.active_tokens() == 2

    world.put(API_KEYS=",".join([FIRST, *OTHERS]), ALLOWED_TOKENS="token-of-two")

    await eventually(world.keys, lambda count: count == 3)
    await eventually(world.active_tokens, lambda count: count == 1)


async def test_what_cannot_be_read_changes_nothing(world: World) -> None:
    world.put(SERVICE_CREDENTIALS="no JSON, but " + NEW_SECRET, settings="LOG_LEVEL=LOUD\n")
    failed = "settings cannot be read, the old ones stay"

    lines = await eventually(lambda: world.lines(failed), lambda found: len(found) == 2)

    assert {line["problem"].partition(":")[0] for line in lines} == {
        "SERVICE_CREDENTIALS",
        "LOG_LEVEL",
    }
    assert await world.keys() == 1
    # A repaired file is taken as any other.
    world.put(SERVICE_CREDENTIALS=credentials(), API_KEYS=",".join([FIRST, *OTHERS]))
    world.put(settings="LOG_LEVEL=INFO\n")
    await eventually(world.keys, lambda count: count == 3)


@pytest.mark.parametrize("name", ["SERVICE_CREDENTIALS", "settings"])
async def test_a_file_that_is_no_text_or_missing_changes_nothing(world: World, name: str) -> None:
    failed = "settings cannot be read, the old ones stay"
    world.mounted.put(world.files | {name: b"\xff\xfe" + NEW_SECRET.encode()})
    await eventually(lambda: world.lines(failed), lambda found: len(found) == 1)

    world.mounted.put({other: text for other, text in world.files.items() if other != name})
    lines = await eventually(lambda: world.lines(failed), lambda found: len(found) == 2)

    assert {line["problem"].partition(":")[0] for line in lines} == {
        f"{name.upper()}_FILE",
    }
    assert await world.keys() == 1
    world.put(API_KEYS=",".join([FIRST, *OTHERS]))
    await eventually(world.keys, lambda count: count == 3)


async def test_what_needs_a_restart_is_named_and_left(world: World) -> None:
    world.put(settings="LOG_LEVEL=INFO\nTEST_MODEL=gemini-9\n")

    [line] = await eventually(
        lambda: world.lines("changed settings need a restart"), lambda found: len(found) == 1
    )
    assert line["names"] == ["TEST_MODEL"]


async def test_a_signal_has_them_read_at_once(world: World) -> None:
    event = "settings were read again"
    assert await world.lines(event) == []

    world.process.signal(signal.SIGHUP)
    [line] = await eventually(lambda: world.lines(event), lambda found: len(found) == 1)

    assert line["changed"] == []
    assert await world.keys() == 1


async def test_the_level_of_the_log_changes(world: World) -> None:
    world.put(settings="LOG_LEVEL=WARNING\nTEST_MODEL=gemini-2.5-flash\n")
    world.put(settings="LOG_LEVEL=WARNING\nTEST_MODEL=gemini-9\n")
    await eventually(
        lambda: world.lines("changed settings need a restart"), lambda found: len(found) == 1
    )

    world.process.signal(signal.SIGTERM)
    assert await asyncio.to_thread(world.process.popen.wait, 10) == 0

    # Both are told at INFO.
    assert await world.lines("keypool started")
    assert not await world.lines("keypool drains")
