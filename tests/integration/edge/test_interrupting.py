"""An edge that is stopped tells open requests, each in its client's dialect."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from tests.support.edge import new_token, running_edge
from tests.support.keypool import Keypool, running_keypool, secrets_of
from tests.support.raw_server import answering, raw_server
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server"]

BEGUN = {"candidates": [{"content": {"parts": [{"text": "once upon"}]}, "index": 0}]}
NEVER_ENDS = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    b"data: " + orjson.dumps(BEGUN) + b"\r\n\r\n"
)
MESSAGE = {"role": "user", "content": "hi"}
ASKED = {
    "/v1/chat/completions": {"model": "m", "stream": True, "messages": [MESSAGE]},
    "/v1beta/models/m:streamGenerateContent": {"contents": [{"parts": [{"text": "hi"}]}]},
}


@pytest.fixture
async def keypool(redis_url: str) -> AsyncIterator[Keypool]:
    async with running_keypool(redis_url) as pool:
        await pool.add_keys(*secrets_of(1))
        yield pool


@pytest.mark.parametrize("path", ASKED)
async def test_an_open_stream_is_told_and_its_call_cancelled(keypool: Keypool, path: str) -> None:
    heard = bytearray()

    async def listen(url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        async with (
            httpx.AsyncClient(base_url=url, headers=headers) as client,
            client.stream("POST", path, json=ASKED[path]) as answer,
        ):
            async for piece in answer.aiter_bytes():
                heard.extend(piece)

    async with raw_server(answering(NEVER_ENDS)) as upstream:
        async with running_edge(keypool, base_url=f"http://127.0.0.1:{upstream.port}") as url:
            listening = asyncio.create_task(listen(url, await new_token(keypool)))
            while not heard:
                await asyncio.sleep(0.01)
        await listening
        await asyncio.wait_for(upstream.left.wait(), 10)

    first, last = filter(None, bytes(heard).replace(b"\r\n", b"\n").split(b"\n\n"))
    assert b"once upon" in first
    error = orjson.loads(last.removeprefix(b"data: "))["error"]
    assert "restarting" in error["message"]


@pytest.mark.parametrize("path", ASKED)
async def test_a_stream_that_waits_for_its_upstream_is_told(keypool: Keypool, path: str) -> None:
    heard = bytearray()

    async def listen(url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        async with (
            httpx.AsyncClient(base_url=url, headers=headers) as client,
            client.stream("POST", path, json=ASKED[path]) as answer,
        ):
            async for piece in answer.aiter_bytes():
                heard.extend(piece)

    async with raw_server(answering(b"")) as upstream:
        base_url = f"http://127.0.0.1:{upstream.port}"
        async with running_edge(keypool, base_url=base_url, heartbeat_seconds=0.05) as url:
            listening = asyncio.create_task(listen(url, await new_token(keypool)))
            while not heard:
                await asyncio.sleep(0.01)
        await listening
        await asyncio.wait_for(upstream.left.wait(), 10)

    last = bytes(heard).replace(b"\r\n", b"\n").strip().split(b"\n\n")[-1]
    assert "restarting" in orjson.loads(last.strip().removeprefix(b"data: "))["error"]["message"]


@pytest.mark.parametrize("path", [*ASKED, "/v1/embeddings"])
async def test_a_request_that_waits_for_its_upstream_is_answered(
    keypool: Keypool, path: str
) -> None:
    body = ASKED.get(path, {"model": "m", "input": "hi"})
    async with raw_server(answering(b"")) as upstream:
        base_url = f"http://127.0.0.1:{upstream.port}"
        async with running_edge(keypool, base_url=base_url) as url:
            headers = {"authorization": f"Bearer {await new_token(keypool)}"}
            client = httpx.AsyncClient(base_url=url, headers=headers)
            asking = asyncio.create_task(client.post(path, json=body))
            while not upstream.requests:
                await asyncio.sleep(0.01)
        answer = await asking
        await client.aclose()
        await asyncio.wait_for(upstream.left.wait(), 10)

    assert answer.status_code == 503
    assert "restarting" in answer.json()["error"]["message"]
