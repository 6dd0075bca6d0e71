"""Keys that go out through a proxy."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb

from tests.support.system import Pool, System

GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
ASK = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


class ForwardProxy:
    """An HTTP proxy that notes what goes through it."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.credentials: set[str] = set()
        self._writers: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Listen for the length of the block and yield `host:port`."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            port: int = server.sockets[0].getsockname()[1]
            yield f"127.0.0.1:{port}"
            for writer in self._writers:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            line, _, rest = head.partition(b"\r\n")
            method, target, version = line.decode().split(" ")
            self.targets.append(target)
            for header in rest.decode().split("\r\n"):
                if header.lower().startswith("proxy-authorization:"):
                    self.credentials.add(header.partition(":")[2].strip())
            url = urlsplit(target)
            upstream_reader, upstream = await asyncio.open_connection(url.hostname, url.port)
            self._writers.append(upstream)
            path = url.path + (f"?{url.query}" if url.query else "")
            upstream.write(f"{method} {path} {version}\r\n".encode() + rest)
            await asyncio.gather(self._pump(reader, upstream), self._pump(upstream_reader, writer))

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
            writer.close()


async def add_key(system: System, pool: Pool, secret: str, proxy_url: str) -> None:
    async with system.admin() as admin:
        key = pb.NewKey(secret=secret, proxy_url=proxy_url)
        created = await admin.call("CreateKeys", pb.CreateKeysRequest(keys=[key], pool=pool.name))
    pool.keys.append(secret)
    pool.key_ids[secret] = created.results[0].key.key_id
    assert "secret-word" not in str(created), "the proxy's password is not shown"


async def test_a_key_with_a_proxy_goes_through_it(system: System) -> None:
    pool = await system.new_pool(1)
    proxy = ForwardProxy()
    async with proxy.running() as address:
        secret = f"AIzaProxied{secrets.token_hex(8)}"
        await add_key(system, pool, secret, f"http://joe:secret-word@{address}")
        async with system.client(pool) as client:
            answers = [await client.post(GENERATE, json=ASK) for _ in range(6)]

    assert {answer.status_code for answer in answers} == {200}
    async with system.control() as control:
        counts = (await control.counts()).of(secret)
    assert counts.requests == 3, "the other key goes out directly"
    assert proxy.targets
    assert all(target.startswith(system.simulator_url) for target in proxy.targets)
    assert len(proxy.credentials) == 1
    system.secrets.append("secret-word")


async def test_keys_of_a_project_go_through_its_proxies(system: System) -> None:
    secrets_of_both = [f"AIzaShared{number}{secrets.token_hex(8)}" for number in range(2)]
    pool = await system.new_pool(owners=dict.fromkeys(secrets_of_both, "shared"))
    proxy = ForwardProxy()
    async with proxy.running() as address, system.admin() as admin:
        egress = pb.Egress(name="shared", pool=pool.name, project_ids=["shared"])
        request = pb.SetEgressRequest(
            egress=egress, proxy_urls=[f"http://joe:group-word@{address}"]
        )
        told = await admin.call("SetEgress", request)
        async with system.client(pool) as client:
            answers = [await client.post(GENERATE, json=ASK) for _ in range(6)]

    assert {answer.status_code for answer in answers} == {200}
    async with system.control() as control:
        tally = await control.counts()
    assert [tally.of(secret).requests for secret in secrets_of_both] == [3, 3]
    # Connections are kept, so not each request is seen there.
    assert proxy.targets
    assert len(proxy.credentials) == 1
    assert "group-word" not in str(told)
    system.secrets.append("group-word")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_dead_proxy_costs_the_client_only_time(system: System, scheme: str) -> None:
    pool = await system.new_pool(1)
    secret = f"AIzaStranded{secrets.token_hex(8)}"
    await add_key(system, pool, secret, f"{scheme}://joe:secret-word@127.0.0.1:9")
    async with system.client(pool) as client:
        answers = [await client.post(GENERATE, json=ASK) for _ in range(4)]

    assert {answer.status_code for answer in answers} == {200}
    assert {key.state for key in (await system.keys_of(pool)).values()} == {1}
