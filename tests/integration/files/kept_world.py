"""A files service that keeps bytes in a folder, and what tests look at there."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.keypool.v1 import admin_pb2
from redis.asyncio import Redis

from services.kit.errors import RemoteError
from services.simulator.control import SimulatorControl
from tests.support.files import Files, World, files_process, running_files
from tests.support.keypool import running_keypool, secrets_of
from tests.support.upstream import upstream
from tests.support.waiting import eventually

KEPT = "gb:1:{files}:k"
DROPPED = "gb:1:{files}:d"

SECRETS = secrets_of(3)


@dataclass(frozen=True)
class KeptWorld(World):
    """A world whose files service keeps bytes.

    Attributes:
        keys: Secret of the only key of each project, by project.
        folder: Where bytes are kept.
        redis_url: The store.
        google_url: The simulator.
    """

    keys: dict[str, str]
    folder: Path
    redis_url: str
    google_url: str

    @property
    def settings(self) -> dict[str, Any]:
        return {"files_store_url": self.folder.as_uri(), "files_sweep_seconds": 0.2}

    @contextlib.asynccontextmanager
    async def replica(self, **values: Any) -> AsyncIterator[Files]:
        """Run another replica in this process."""
        async with running_files(
            self.redis_url, self.keypool.target, self.google_url, **(self.settings | values)
        ) as (files, _):
            yield files

    def replica_process(self, **values: Any) -> Any:
        """Run another replica in a process of its own, see `files_process`."""
        return files_process(
            self.redis_url, self.keypool.target, self.google_url, **(self.settings | values)
        )

    def objects(self) -> list[Path]:
        """Return everything that is kept."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    async def until_empty(self, *, seconds: float = 10) -> None:
        """Return once nothing is kept."""

        async def kept() -> list[Path]:
            return self.objects()

        await eventually(kept, lambda found: not found, seconds=seconds)

    def other_project(self, file: pb.File) -> str:
        """Return a project in which a file does not lie."""
        return next(project for project in sorted(self.keys) if project != file.project_id)

    async def pause(self, project_id: str) -> None:
        """Take the only key of a project out of use."""
        listed = await self.keypool.admin.ListKeys(admin_pb2.ListKeysRequest())
        [key_id] = [key.key_id for key in listed.keys if key.project_id == project_id]
        await self.keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=key_id))

    async def dump(self) -> bytes:
        """Return everything that stands in Redis below the files service's prefix."""
        found: list[bytes] = []
        async with self.redis() as redis:
            async for name in redis.scan_iter("gb:1:{files}*"):
                kind = await redis.type(name)
                match kind:
                    case b"string":
                        value = [await redis.get(name)]
                    case b"hash":
                        value = [
                            part for row in (await redis.hgetall(name)).items() for part in row
                        ]
                    case _:
                        value = await redis.zrange(name, 0, -1)
                found += [name, *value]
        return b"".join(found)

    async def make_due(self) -> None:
        """Let everything that is to be dropped some time be dropped now."""
        async with self.redis() as redis:
            for part in (KEPT, DROPPED):
                for kept_id in await redis.zrange(part, 0, -1):
                    await redis.zadd(part, {kept_id: 0}, xx=True)

    def redis(self) -> Any:
        """Return a client of Redis."""
        return Redis.from_url(self.redis_url)


@contextlib.asynccontextmanager
async def kept_world(redis_url: str, folder: Path) -> AsyncIterator[KeptWorld]:
    """Run everything for the length of the block."""
    settings = {"files_store_url": folder.as_uri(), "files_sweep_seconds": 0.2}
    async with (
        upstream() as google,
        SimulatorControl(google.url) as sim,
        running_keypool(redis_url, base_url=google.url) as keypool,
        running_files(redis_url, keypool.target, google.url, **settings) as (files, target),
    ):
        key_ids = await keypool.add_keys(*SECRETS)
        projects = [(await keypool.key(key_id)).project_id for key_id in key_ids]
        keys = dict(zip(projects, SECRETS, strict=True))
        yield KeptWorld(files, keypool, sim, target, keys, folder, redis_url, google.url)


def content_of(messages: list[pb.DownloadFileResponse]) -> bytes:
    """Return the bytes of a download."""
    return b"".join(message.chunk for message in messages)


async def refusal(call: Any) -> RemoteError:
    """Return how a call failed."""
    with pytest.raises(RemoteError) as failure:
        await call
    return failure.value
