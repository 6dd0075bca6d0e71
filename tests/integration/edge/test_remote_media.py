"""Media behind web addresses in chat requests: fetched by the edge, sent on as bytes."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiohttp import web

from services.simulator.control import SimulatorControl
from services.simulator.media import png
from tests.support.edge import new_token, running_edge
from tests.support.keypool import Keypool, running_keypool, secrets_of
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually
from tests.support.web import ALLOWED, FORBIDDEN, running_site

__all__ = ["redis_url", "valkey_server"]

CHAT = "/v1/chat/completions"
PICTURE = png(9, 8, 7)
ENCODED = base64.b64encode(PICTURE).decode()


@dataclass(frozen=True)
class Edge:
    """An edge that may fetch from one address of this machine."""

    client: httpx.AsyncClient
    sim: SimulatorControl

    async def sent_parts(self) -> list[dict[str, Any]]:
        """Return the parts of the last request that has reached Google."""
        [*_, request] = await self.sim.requests()
        parts: list[dict[str, Any]] = request.json()["contents"][0]["parts"]
        return parts


@pytest.fixture
async def keypool(redis_url: str) -> AsyncIterator[tuple[Keypool, str]]:
    async with (
        upstream() as google,
        running_keypool(redis_url, base_url=google.url) as pool,
    ):
        await pool.add_keys(*secrets_of(1))
        yield pool, google.url


@pytest.fixture
async def edge(keypool: tuple[Keypool, str]) -> AsyncIterator[Edge]:
    pool, google_url = keypool
    settings = {
        "remote_media_allow_nets": [ALLOWED],
        "remote_media_max_bytes": 20_000,
        "remote_media_seconds": 1,
    }
    async with (
        running_edge(pool, base_url=google_url, max_body_bytes=50_000, **settings) as url,
        httpx.AsyncClient(
            base_url=url, headers={"authorization": f"Bearer {await new_token(pool)}"}
        ) as client,
        SimulatorControl(google_url) as sim,
    ):
        yield Edge(client, sim)


def chat(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": "what is it?"}, *parts]
    return {
        "model": "gemini-2.5-flash",
        "messages": [{"role": "user", "content": content}],
        **fields,
    }


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


async def a_picture(_: web.Request) -> web.Response:
    return web.Response(body=PICTURE, content_type="image/png")


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_picture_by_its_address(edge: Edge, is_stream: bool) -> None:
    async with running_site(a_picture) as site:
        url = f"http://{ALLOWED}:{site.port}/a.png"
        answer = await edge.client.post(CHAT, json=chat(image(url), image(url), stream=is_stream))

    assert answer.status_code == 200, answer.text
    expected = {"inlineData": {"mimeType": "image/png", "data": ENCODED}}
    assert (await edge.sent_parts())[1:] == [expected, expected]
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "URL", "format": "wav"}},
        {"type": "file", "file": {"file_data": "URL", "filename": "a.wav"}},
        {"type": "file", "file": {"file_url": "URL"}},
        {"type": "video_url", "video_url": "URL"},
    ],
)
async def test_other_media_by_their_addresses(edge: Edge, part: dict[str, Any]) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"RIFF\0\0\0\0WAVEfmt ", content_type="audio/x-wav")

    async with running_site(answer) as site:
        url = f"http://{ALLOWED}:{site.port}/"
        kind = part["type"]
        holder = part[kind]
        filled = (
            url if holder == "URL" else {k: url if v == "URL" else v for k, v in holder.items()}
        )
        reply = await edge.client.post(CHAT, json=chat({"type": kind, kind: filled}))

    assert reply.status_code == 200, reply.text
    assert (await edge.sent_parts())[1]["inlineData"]["mimeType"] == "audio/wav"


async def test_addresses_that_google_plays_itself_are_passed_on(edge: Edge) -> None:
    url = "https://www.youtube.com/watch?v=abc"
    answer = await edge.client.post(CHAT, json=chat(image(url)))

    assert answer.status_code == 200, answer.text
    assert (await edge.sent_parts())[1] == {"fileData": {"fileUri": url}}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"http://{FORBIDDEN}:PORT/", "media_url_refused"),
        (f"http://user@{ALLOWED}:PORT/", "media_url_invalid"),
        (f"http://{ALLOWED}:PORT/404", "media_unreachable"),
        (f"http://{ALLOWED}:PORT/large", "media_too_large"),
        (f"http://{ALLOWED}:PORT/page", "media_type_not_supported"),
    ],
)
async def test_what_cannot_be_fetched_is_told_and_costs_nothing(
    edge: Edge, url: str, code: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        match request.path:
            case "/large":
                return web.Response(body=PICTURE + b"x" * 20_000, content_type="image/png")
            case "/page":
                return web.Response(text="<p>", content_type="text/html")
        return web.Response(status=404)

    async with running_site(answer) as site:
        reply = await edge.client.post(CHAT, json=chat(image(url.replace("PORT", str(site.port)))))

    assert reply.status_code == 400
    error = reply.json()["error"]
    param = "messages[0].content[1].image_url.url"
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith(f"Invalid '{param}': it ")
    assert "127.0.0" not in error["message"]
    assert await edge.sim.requests() == []


async def test_media_that_are_too_much_together(edge: Edge) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=PICTURE + b"x" * 15_000, content_type="image/png")

    async with running_site(answer) as site:
        urls = [f"http://{ALLOWED}:{site.port}/{number}" for number in range(3)]
        reply = await edge.client.post(CHAT, json=chat(*map(image, urls)))

    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "media_too_large"


async def test_too_many_media(edge: Edge) -> None:
    urls = [f"http://{ALLOWED}:9/{number}" for number in range(33)]
    reply = await edge.client.post(CHAT, json=chat(*map(image, urls)))

    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "too_many_media"


async def test_at_most_four_at_once(edge: Edge) -> None:
    open_now = most = 0
    everybody = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        if open_now == 4:
            everybody.set()
        await asyncio.wait_for(everybody.wait(), 5)
        open_now -= 1
        return await a_picture(request)

    async with running_site(answer) as site:
        urls = [f"http://{ALLOWED}:{site.port}/{number}" for number in range(12)]
        reply = await edge.client.post(CHAT, json=chat(*map(image, urls)))

    assert reply.status_code == 200, reply.text
    assert most == 4


async def test_all_of_a_request_together_are_waited_for_in_vain(edge: Edge) -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(0.7)
        return web.Response(body=PICTURE, content_type="image/png")

    async with running_site(answer) as site:
        urls = [f"http://{ALLOWED}:{site.port}/{number}" for number in range(16)]
        reply = await edge.client.post(CHAT, json=chat(*map(image, urls)))

    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "media_timeout"
    assert await edge.sim.requests() == []


async def test_a_client_that_leaves_ends_the_fetch(edge: Edge) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "image/png"})
        await response.prepare(request)
        begun.set()
        try:
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.02)
        finally:
            ended.set()

    async with running_site(answer) as site:
        body = chat(image(f"http://{ALLOWED}:{site.port}/"))
        asking = asyncio.create_task(edge.client.post(CHAT, json=body))
        await asyncio.wait_for(begun.wait(), 5)
        asking.cancel()
        await asyncio.wait_for(ended.wait(), 5)

    async def requests() -> int:
        return len(await edge.sim.requests())

    assert await eventually(requests, lambda count: count == 0) == 0


async def test_fetching_can_be_switched_off(keypool: tuple[Keypool, str]) -> None:
    pool, google_url = keypool
    token = await new_token(pool)
    async with (
        running_edge(pool, base_url=google_url, remote_media_enabled=False) as url,
        httpx.AsyncClient(base_url=url, headers={"x-api-key": token}) as client,
    ):
        reply = await client.post(CHAT, json=chat(image(f"http://{ALLOWED}:9/")))

    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "remote_media_not_supported"
