"""Two clients of one pool, and what they do to each other's things."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from gemini_balance.keypool.v1 import admin_pb2 as pb

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
