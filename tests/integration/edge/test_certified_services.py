"""All three services with certificates and without a single secret between them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from services.cli.probes import http_ready
from services.edge.server import serve
from services.edge.settings import EdgeSettings
from tests.support.certificates import ID, authority, mounted_tls, tls_contents, tls_settings
from tests.support.files_process import files_process
from tests.support.keypool import secrets_of
from tests.support.keypool_process import keypool_process
from tests.support.load import ASK, GENERATE
from tests.support.mounted import Mounted
from tests.support.ports import free_port
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

OURS = authority("ours")
TOKEN = "sk-of-a-team-1234567890"
BYTES = b"what a heron eats " * 5_000


def identities(*scopes: tuple[str, list[str]]) -> str:
    return json.dumps(
        [{"name": name, "san": ID.format(name), "scopes": each} for name, each in scopes]
    )


@dataclass
class World:
    """A client of an edge, and the certificates that lie behind it."""

    client: httpx.AsyncClient
    certificates: dict[str, Mounted]
    answered: int = 0
    failures: list[str] = field(default_factory=list)

    async def ask(self) -> None:
        """Ask the model one question."""
        answer = await self.client.post(GENERATE, json=ASK)
        self._count(answer, "finishReason")

    async def upload(self) -> None:
        """Upload a file and look at it."""
        headers = {"x-goog-upload-protocol": "raw", "content-type": "text/plain"}
        answer = await self.client.post("/upload/v1beta/files", content=BYTES, headers=headers)
        self._count(answer, '"files/')
        if answer.is_success:
            name = answer.json()["file"]["name"]
            self._count(await self.client.get(f"/v1beta/{name}"), name)

    async def go_on(self, stop: asyncio.Event) -> None:
        """Ask and upload until told to stop."""

        async def repeat(work: str) -> None:
            while not stop.is_set():
                await getattr(self, work)()

        await asyncio.gather(*(repeat(work) for work in ("ask", "ask", "ask", "upload")))

    async def more(self, count: int) -> None:
        """Return once so many further requests have been answered."""
        goal = self.answered + count

        async def progress() -> int:
            return self.answered

        await eventually(progress, lambda answered: answered >= goal, seconds=60)

    def _count(self, answer: httpx.Response, expected: str) -> None:
        self.answered += 1
        if not answer.is_success or expected not in answer.text:
            self.failures.append(f"{answer.status_code} {answer.text[:200]}")


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[World]:
    certificates, paths = {}, {}
    for name in ("edge", "keypool", "files"):
        certificates[name], paths[name] = mounted_tls(tmp_path, OURS, name)
    port = free_port()
    target = f"127.0.0.1:{port}"
    keypool_settings = tls_settings(paths["keypool"]) | {
        "SERVICE_CREDENTIALS": "",
        "SERVICE_IDENTITIES": identities(
            ("edge", ["lease", "act-as"]), ("files", ["lease", "act-as"])
        ),
        "API_KEYS": ",".join(secrets_of(3)),
        "ALLOWED_TOKENS": TOKEN,
    }
    async with contextlib.AsyncExitStack() as stack:
        google = await stack.enter_async_context(upstream())
        keypool_settings["BASE_URL"] = google.url
        keypool = stack.enter_context(
            keypool_process(tmp_path, redis_url, "127.0.0.1", port, keypool_settings)
        )
        await keypool.ready()
        files = stack.enter_context(
            files_process(
                redis_url,
                target,
                google.url,
                service_credential="",
                service_credentials="",
                service_identities=identities(("edge", ["files", "act-as"])),
                **tls_settings(paths["files"]),
            )
        )
        await http_ready(files.ops_url)
        edge = EdgeSettings(
            _env_file=None,
            http_host="127.0.0.1",
            http_port=free_port(),
            ops_host="127.0.0.1",
            ops_port=free_port(),
            keypool_target=target,
            files_target=files.target,
            base_url=google.url,
            drain_seconds=1,
            tls_cert_file=paths["edge"].cert,
            tls_key_file=paths["edge"].key,
            tls_ca_file=paths["edge"].ca,
        )
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(edge, stop))
        url = f"http://127.0.0.1:{edge.http_port}"
        await http_ready(url)
        async with httpx.AsyncClient(
            base_url=url, headers={"x-goog-api-key": TOKEN}, timeout=30
        ) as client:
            yield World(client, certificates)
        stop.set()
        await serving


async def test_all_certificates_change_without_a_failed_request(world: World) -> None:
    stop = asyncio.Event()
    going = asyncio.create_task(world.go_on(stop))
    try:
        await world.more(20)
        for name, mounted in world.certificates.items():
            mounted.put(tls_contents(OURS, name))
            await world.more(250)
    finally:
        stop.set()
        await going

    assert world.failures == []
