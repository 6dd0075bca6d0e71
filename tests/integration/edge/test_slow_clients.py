"""A client that reads slowly slows the upstream down, instead of filling the edge's memory."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.support.edge import new_token, running_edge
from tests.support.keypool import Keypool, running_keypool, secrets_of
from tests.support.raw_server import RawServer, Reader, Script, Writer, raw_server, read_request
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server"]

SIZE = 64 * 1024 * 1024
TEXT = "otter " * 10_000
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


def event(**candidate: str) -> bytes:
    told = {"candidates": [{"content": {"parts": [{"text": TEXT}]}, "index": 0, **candidate}]}
    return b"data: " + orjson.dumps(told) + b"\r\n\r\n"


class Talker:
    """An upstream that says as much as it is let."""

    def __init__(self) -> None:
        self.sent = 0

    def bind(self, server: RawServer) -> Script:
        del server

        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            while self.sent < SIZE:
                writer.write(event())
                self.sent += len(TEXT)
                await writer.drain()
            writer.write(event(finishReason="STOP"))
            await writer.drain()

        return script


@pytest.mark.parametrize("path", ASKED)
async def test_the_upstream_waits_for_the_client(keypool: Keypool, path: str) -> None:
    talker = Talker()
    async with (
        raw_server(talker.bind) as upstream,
        running_edge(keypool, base_url=f"http://127.0.0.1:{upstream.port}") as url,
    ):
        token = await new_token(keypool)
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65_536)
        body = orjson.dumps(ASKED[path])
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        before = -1
        while before != talker.sent or not talker.sent:
            before = talker.sent
            await asyncio.sleep(0.1)
        assert talker.sent < SIZE / 2

        found, tail = 0, b""
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            piece = await reader.read(1 << 20)
            assert piece, "the answer was cut"
            found, tail = found + len(piece), (tail + piece)[-7:]
        assert found > SIZE
        writer.close()
