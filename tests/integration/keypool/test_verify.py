"""Trying keys against the upstream without using any quota."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from gemini_balance.keypool.v1 import admin_pb2

from services.kit.errors import RemoteError
from services.simulator.server import Simulator
from tests.support.keypool import Keypool, running_keypool, secret_of
from tests.support.upstream import upstream

ACTIVE, PAUSED = admin_pb2.Key.STATE_ACTIVE, admin_pb2.Key.STATE_PAUSED
DEAD = admin_pb2.Key.STATE_DEAD


@contextlib.asynccontextmanager
async def one_key(
    redis_url: str, proxy_url: str = "", **values: object
) -> AsyncIterator[tuple[Keypool, Simulator, str]]:
    """Run a key pool with one key over a simulator."""
    async with (
        upstream() as simulator,
        running_keypool(redis_url, base_url=simulator.url + "/v1beta", **values) as keypool,
    ):
        key = admin_pb2.NewKey(secret=secret_of(1), proxy_url=proxy_url)
        created = await keypool.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=[key]))
        yield keypool, simulator, created.results[0].key.key_id


async def verify(keypool: Keypool, key_id: str) -> admin_pb2.VerifyKeyResponse:
    response = await keypool.admin.VerifyKey(admin_pb2.VerifyKeyRequest(key_id=key_id))
    assert isinstance(response, admin_pb2.VerifyKeyResponse)
    return response


async def test_a_good_key_is_accepted_with_one_free_call(redis_url: str) -> None:
    async with one_key(redis_url, test_model="gemini-2.5-pro") as (keypool, simulator, key_id):
        verified = await verify(keypool, key_id)

        assert (verified.valid, verified.rule_id, verified.key.state) == (
            True,
            "key.accepted",
            ACTIVE,
        )
        [request] = await simulator.control.requests()
        assert (request.method, request.path) == ("GET", "/v1beta/models/gemini-2.5-pro")
        assert (request.query, request.header("x-goog-api-key")) == ("", secret_of(1))


async def test_a_model_that_is_gone_says_nothing_against_a_key(redis_url: str) -> None:
    async with one_key(redis_url, test_model="no-such-model") as (keypool, _, key_id):
        assert (await verify(keypool, key_id)).valid


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        ("invalid", "key.invalid"),
        ("expired", "key.expired"),
        ("leaked", "key.leaked"),
        ("suspended", "key.suspended"),
    ],
)
async def test_a_refused_key_dies_and_comes_back_when_accepted(
    redis_url: str, state: str, rule: str
) -> None:
    async with one_key(redis_url) as (keypool, simulator, key_id):
        await simulator.control.put_key(secret_of(1), state=state)  # type: ignore[arg-type]
        refused = await verify(keypool, key_id)
        await simulator.control.put_key(secret_of(1))
        accepted = await verify(keypool, key_id)

        assert (refused.valid, refused.rule_id, refused.key.state) == (False, rule, DEAD)
        assert refused.key.dead_reason == rule
        assert secret_of(1) not in str(refused)
        assert (accepted.valid, accepted.key.state, accepted.key.dead_reason) == (True, ACTIVE, "")
        assert len((await keypool.acquire()).leases) == 1


async def test_a_paused_key_stays_paused(redis_url: str) -> None:
    async with one_key(redis_url) as (keypool, _, key_id):
        await keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=key_id))

        verified = await verify(keypool, key_id)

        assert (verified.valid, verified.key.state) == (True, PAUSED)


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("service_disabled", "project.service-disabled"),
        ("denied", "project.denied"),
        ("location", "egress.location"),
        ("automated_queries", "egress.automated"),
    ],
)
async def test_faults_of_others_harm_no_key(redis_url: str, fault: str, rule: str) -> None:
    async with one_key(redis_url) as (keypool, simulator, key_id):
        await simulator.control.add_fault(fault)  # type: ignore[arg-type]

        verified = await verify(keypool, key_id)

        assert (verified.valid, verified.rule_id, verified.key.state) == (False, rule, ACTIVE)
        assert len((await keypool.acquire()).leases) == 1


@pytest.mark.parametrize("fault", ["internal", "overloaded", "drop"])
async def test_an_upstream_in_trouble_decides_nothing(redis_url: str, fault: str) -> None:
    async with one_key(redis_url) as (keypool, simulator, key_id):
        await simulator.control.add_fault(fault, count=None)  # type: ignore[arg-type]

        with pytest.raises(RemoteError) as failure:
            await verify(keypool, key_id)

        assert (failure.value.code.name, failure.value.reason) == ("UNAVAILABLE", "UPSTREAM_AWAY")
        assert (await keypool.key(key_id)).state == ACTIVE


async def test_a_key_is_tried_through_its_proxy(redis_url: str) -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    proxy = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    async with proxy, one_key(redis_url, f"http://me:word@127.0.0.1:{port}") as opened:
        keypool, simulator, key_id = opened
        verified = await verify(keypool, key_id)

        assert verified.valid
        assert verified.key.proxy == f"http://127.0.0.1:{port}"
        [head] = seen
        assert head.startswith(f"GET {simulator.url}/v1beta/models/".encode())
        assert (await simulator.control.counts()).total.requests == 0


async def test_a_proxy_that_is_away_decides_nothing(redis_url: str) -> None:
    for proxy in ("http://127.0.0.1:9", "socks5://127.0.0.1:9", "socks5h://127.0.0.1:9"):
        async with one_key(redis_url, proxy) as (keypool, _, key_id):
            with pytest.raises(RemoteError) as failure:
                await verify(keypool, key_id)

            assert failure.value.reason == "UPSTREAM_AWAY"
            await keypool.admin.DeleteKey(admin_pb2.DeleteKeyRequest(key_id=key_id))
