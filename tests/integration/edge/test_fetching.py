"""Fetching over real sockets: what is given back, and what is refused on the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from services.edge.fetching.failures import FetchError
from services.edge.fetching.fetcher import Fetcher, Limits
from services.edge.fetching.reach import Reach
from services.simulator.media import png
from tests.support.web import ALLOWED, Handler, Names, Site, running_site

PICTURE = png(10, 20, 30)
LIMITS = Limits(max_bytes=64 * 1024, seconds=5)


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(Reach([ALLOWED]), LIMITS, resolver=Names({"pictures.test": [[ALLOWED]]}))
    yield fetcher
    await fetcher.close()


async def a_picture(_: web.Request) -> web.Response:
    return web.Response(body=PICTURE, content_type="image/png")


def saying(body: bytes = PICTURE, status: int = 200, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=named)

    return answer


async def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch(url)
    return caught.value.code


async def test_a_picture(fetcher: Fetcher) -> None:
    async with running_site(a_picture) as site:
        found = await fetcher.fetch(f"http://pictures.test:{site.port}/a%2Fb?q=1#f")

    assert (found.media_type, found.content) == ("image/png", PICTURE)
    [request] = site.requests
    assert request.raw_path == "/a%2Fb?q=1"
    assert request.host == f"pictures.test:{site.port}"
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers


@pytest.mark.parametrize(
    ("told", "content", "media_type"),
    [
        ("image/jpeg", PICTURE, "image/png"),
        ("application/octet-stream", PICTURE, "image/png"),
        ("", PICTURE, "image/png"),
        ("image/x-new; a=b", b"whatever", "image/x-new"),
        ("audio/mpeg", b"ID3....", "audio/mp3"),
        ("application/pdf", b"%PDF-1.4", "application/pdf"),
    ],
)
async def test_the_type_is_what_the_bytes_are(
    fetcher: Fetcher, told: str, content: bytes, media_type: str
) -> None:
    async with running_site(saying(content, Content_Type=told)) as site:
        found = await fetcher.fetch(f"http://{ALLOWED}:{site.port}/")

    assert found.media_type == media_type


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (saying(b"<html>", Content_Type="text/html"), "media_type_not_supported"),
        (saying(b'{"a":1}', Content_Type="application/json"), "media_type_not_supported"),
        (saying(b"secret", Content_Type="application/octet-stream"), "media_type_not_supported"),
        (saying(b"", Content_Type="image/png"), "media_empty"),
        (saying(Content_Type="image/png", Content_Encoding="gzip"), "media_unreachable"),
        (saying(status=404), "media_unreachable"),
        (saying(status=304), "media_unreachable"),
        (saying(status=204), "media_unreachable"),
        (saying(status=500), "media_unreachable"),
        (saying(status=302), "media_unreachable"),
        (saying(b"\x89PNG" + b"x" * 65536, Content_Type="image/png"), "media_too_large"),
        (saying(status=302, Location="file:///etc/passwd"), "media_url_invalid"),
        (saying(status=302, Location="ftp://pictures.test/"), "media_url_invalid"),
        (saying(status=302, Location="http://me:pw@pictures.test/"), "media_url_invalid"),
        (saying(status=302, Location="http://[::1"), "media_url_invalid"),
        (saying(status=302, Location="http://2130706433/"), "media_url_refused"),
        (saying(status=302, Location="http://unknown.test/"), "media_url_refused"),
        (saying(status=302, Location="/again"), "media_unreachable"),
    ],
)
async def test_answers_that_are_refused(fetcher: Fetcher, handler: Handler, code: str) -> None:
    async with running_site(handler) as site:
        assert await refused(fetcher, f"http://{ALLOWED}:{site.port}/") == code


@pytest.mark.parametrize(("steps", "code"), [(5, ""), (6, "media_unreachable")])
async def test_redirects_are_bounded(fetcher: Fetcher, steps: int, code: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        left = int(request.path[1:])
        if left:
            return web.Response(status=307, headers={"location": f"{left - 1}"})
        return await a_picture(request)

    async with running_site(answer) as site:
        url = f"http://{ALLOWED}:{site.port}/{steps}"
        if code:
            assert await refused(fetcher, url) == code
        else:
            assert (await fetcher.fetch(url)).content == PICTURE


async def test_an_endless_body_is_stopped_early(fetcher: Fetcher) -> None:
    sent = 0
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"content-type": "image/png"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 16384)
                sent += 16384
        finally:
            ended.set()

    async with running_site(answer) as site:
        assert await refused(fetcher, f"http://{ALLOWED}:{site.port}/") == "media_too_large"
        await asyncio.wait_for(ended.wait(), 10)


@pytest.mark.parametrize("is_begun", [False, True])
async def test_a_server_that_hangs(is_begun: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "image/png"})
        if is_begun:
            await response.prepare(request)
            await response.write(b"\x89PNG")
        await asyncio.sleep(60)
        return response

    fetcher = Fetcher(Reach([ALLOWED]), Limits(max_bytes=1000, seconds=0.2))
    async with running_site(answer) as site:
        assert await refused(fetcher, f"http://{ALLOWED}:{site.port}/") == "media_timeout"
    await fetcher.close()


async def test_a_body_that_breaks_off(fetcher: Fetcher) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "image/png"})
        response.content_length = 1000
        await response.prepare(request)
        await response.write(PICTURE[:20])
        assert request.transport is not None
        request.transport.abort()
        return response

    async with running_site(answer) as site:
        assert await refused(fetcher, f"http://{ALLOWED}:{site.port}/") == "media_unreachable"


async def test_nobody_listens(fetcher: Fetcher) -> None:
    async with running_site(a_picture) as site:
        pass

    assert await refused(fetcher, f"http://{ALLOWED}:{site.port}/") == "media_unreachable"


class TestMemory:
    async def test_the_same_address_is_asked_once(self, fetcher: Fetcher) -> None:
        async with running_site(a_picture) as site:
            first = await fetcher.fetch(f"http://{ALLOWED}:{site.port}/a")
            second = await fetcher.fetch(f"http://{ALLOWED}:{site.port}/a")
            await fetcher.fetch(f"http://{ALLOWED}:{site.port}/b")

        assert first == second
        assert len(site.requests) == 2

    @pytest.mark.parametrize("said", ["no-store", "private, max-age=60", "max-age=0, no-cache"])
    async def test_what_must_not_be_stored_is_not(self, fetcher: Fetcher, said: str) -> None:
        async with running_site(saying(Content_Type="image/png", Cache_Control=said)) as site:
            await ask_twice(fetcher, site)

        assert len(site.requests) == 2

    async def test_a_failure_is_not_remembered(self, fetcher: Fetcher) -> None:
        async with running_site(saying(status=503)) as site:
            for _ in range(2):
                await refused(fetcher, f"http://{ALLOWED}:{site.port}/")

        assert len(site.requests) == 2


async def ask_twice(fetcher: Fetcher, site: Site) -> None:
    for _ in range(2):
        await fetcher.fetch(f"http://{ALLOWED}:{site.port}/")
