"""Two clients of one pool, and what they do to each other's things."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc.aio
import httpx
from gemini_balance.files.v1 import files_pb2, files_pb2_grpc
from gemini_balance.keypool.v1 import admin_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2, keypool_pb2_grpc

from services.cli.secrets_store import load_or_create
from services.simulator.control import Received
from tests.support.system import Pool, System

FLASH = "gemini-2.5-flash"
GENERATE = f"/v1beta/models/{FLASH}:generateContent"
ASK = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


@dataclass
class Two:
    """Two clients of one pool.

    Attributes:
        system: What they talk to.
        pool: Its keys; the token is the first client's.
        client: The first one's connection.
        other: The second one's.
    """

    system: System
    pool: Pool
    client: httpx.AsyncClient
    other: httpx.AsyncClient

    async def rotate(self) -> None:
        """Let some requests go by, so that the next one would get another key."""
        answers = await asyncio.gather(*(self.client.post(GENERATE, json=ASK) for _ in range(4)))
        assert {answer.status_code for answer in answers} == {200}

    async def sent(self) -> int:
        """Return how many requests the upstream has seen with the pool's keys."""
        async with self.system.control() as control:
            tally = await control.counts()
        return sum(tally.of(key).requests for key in self.pool.keys)

    async def uploads(self) -> int:
        """Return how many uploads the pool's keys have begun, in one request or in several."""
        async with self.system.control() as control:
            tally = await control.counts()
        counts = [tally.of(key).by_verb for key in self.pool.keys]
        return sum(each.get(f"upload.{kind}", 0) for each in counts for kind in ("start", "raw"))

    async def upload(self, text: str = "hello", *, by: httpx.AsyncClient | None = None) -> str:
        """Upload a file and return its name."""
        answer = await (by or self.client).post(
            "/upload/v1beta/files",
            content=text.encode(),
            headers={"x-goog-upload-protocol": "raw", "content-type": "text/plain"},
        )
        assert answer.status_code == 200, answer.text
        name: str = answer.json()["file"]["name"]
        return name

    async def owner_of(self, name: str) -> str:
        """Return the key, of the pool's keys, that reaches a thing at the upstream."""
        async with httpx.AsyncClient(base_url=self.system.simulator_url) as upstream:
            for key in self.pool.keys:
                answer = await upstream.get(f"/v1beta/{name}", headers={"x-goog-api-key": key})
                if answer.status_code == 200:
                    return key
        raise AssertionError(f"no key reaches {name}")

    async def copies_of(self, name: str) -> dict[str, str]:
        """Return under which name a file of the first client lies in other projects."""
        credential = load_or_create(self.system.data_dir).edge
        async with grpc.aio.insecure_channel(self.system.run_file["files_target"]) as channel:
            stub: Any = files_pb2_grpc.FilesServiceStub(channel)
            answer = await stub.GetFile(
                files_pb2.GetFileRequest(
                    name=name, client_id=await self.client_id(), pool=self.pool.name
                ),
                timeout=10,
                metadata=(("authorization", f"Bearer {credential}"),),
            )
        return {copy.project_id: copy.upstream_name for copy in answer.file.copies}

    async def client_id(self) -> str:
        """Return who the first client is."""
        credential = load_or_create(self.system.data_dir).edge
        async with grpc.aio.insecure_channel(self.system.run_file["keypool_target"]) as channel:
            stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(channel)
            answer = await stub.Authorize(
                keypool_pb2.AuthorizeRequest(token=self.pool.token),
                timeout=10,
                metadata=(("authorization", f"Bearer {credential}"),),
            )
        client_id: str = answer.client_id
        return client_id

    async def last_request(self) -> Received:
        """Return the last request that the upstream has seen with the pool's keys."""
        async with self.system.control() as control:
            return [one for one in await control.requests(500) if one.key in self.pool.keys][-1]

    async def split_files(self) -> list[str]:
        """Upload two files that lie in two projects."""
        first = await self.upload("one")
        owner = await self.owner_of(first)
        await self.pause(owner)
        second = await self.upload("two")
        await self.resume(owner)
        assert await self.owner_of(second) != owner
        return [first, second]

    async def spend(self, *keys: str) -> None:
        """Let the projects of keys be at their limit for longer than anybody waits."""
        async with self.system.control() as control:
            for key in keys:
                limit = {"key": key, "retry_seconds": 50, "verb": "generateContent", "count": None}
                await control.add_fault("rate_limit_minute", **limit)

    async def pause(self, key: str) -> None:
        """Take a key out of use."""
        async with self.system.admin() as admin:
            await admin.call("PauseKey", pb.PauseKeyRequest(key_id=self.pool.key_ids[key]))

    async def resume(self, key: str) -> None:
        """Take a key into use again."""
        async with self.system.admin() as admin:
            await admin.call("ResumeKey", pb.ResumeKeyRequest(key_id=self.pool.key_ids[key]))


@asynccontextmanager
async def two_clients(system: System, keys: int = 9) -> AsyncIterator[Two]:
    """Make a pool of as many projects and two clients of it."""
    pool = await system.new_pool(keys)
    async with system.admin() as admin:
        request = pb.CreateTokenRequest(name=f"other-{secrets.token_hex(4)}", pool=pool.name)
        token = await admin.call("CreateToken", request)
    system.secrets.append(token.secret)
    other = Pool(pool.name, token.secret, pool.keys)
    async with system.client(pool) as client, system.client(other) as stranger:
        yield Two(system, pool, client, stranger)
