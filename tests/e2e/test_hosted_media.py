"""What was drawn is there for whoever knows its address, and for nobody else."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.system import Pool, System

GENERATIONS = "/v1/images/generations"


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(2)


@pytest.fixture
async def anybody() -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient() as client:
        yield client


async def draw(system: System, pool: Pool, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with system.client(pool) as client:
        answer = await client.post(GENERATIONS, json={"prompt": "a fox"}, headers=named)
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["data"][0]["url"]
    return url


async def test_its_headers(system: System, pool: Pool, anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get(await draw(system, pool))

    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "inline"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert int(answer.headers["content-length"]) == len(answer.content)
    private, age, immutable = answer.headers["cache-control"].split(", ")
    assert (private, immutable) == ("private", "immutable")
    assert 3500 < int(age.removeprefix("max-age=")) <= 3600
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_its_head(system: System, pool: Pool, anybody: httpx.AsyncClient) -> None:
    url = await draw(system, pool)
    head, whole = await anybody.head(url), await anybody.get(url)

    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-type", "content-length", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]


async def test_parts_of_it(system: System, pool: Pool, anybody: httpx.AsyncClient) -> None:
    url = await draw(system, pool)
    whole = (await anybody.get(url)).content
    size = len(whole)

    for asked, first, last in [
        ("bytes=0-9", 0, 9),
        ("bytes=5-", 5, size - 1),
        ("bytes=-7", size - 7, size - 1),
        (f"bytes=-{size * 2}", 0, size - 1),
        (f"bytes=3-{size * 2}", 3, size - 1),
    ]:
        answer = await anybody.get(url, headers={"range": asked})
        assert answer.status_code == 206, asked
        assert answer.content == whole[first : last + 1]
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
    for asked in (f"bytes={size}-", "bytes=-0"):
        answer = await anybody.get(url, headers={"range": asked})
        assert answer.status_code == 416, asked
        assert answer.headers["content-range"] == f"bytes */{size}"
    for asked in ("bytes=5-3", "bytes=-", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"):
        answer = await anybody.get(url, headers={"range": asked})
        assert (answer.status_code, answer.content) == (200, whole), asked


async def test_nobody_finds_it_otherwise(
    system: System, pool: Pool, anybody: httpx.AsyncClient
) -> None:
    url = await draw(system, pool)
    media_id = url.rpartition("/")[2]
    changed = media_id[:-1] + ("A" if media_id[-1] != "A" else "Q")

    for path in (
        "/media",
        "/media/",
        f"/media/{changed}",
        f"/media/{media_id[:-1]}",
        f"/media/{media_id}/",
        f"/media/{media_id}.png",
        f"/media/x/{media_id}",
    ):
        assert (await anybody.get(system.url + path)).status_code == 404, path
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await anybody.request(method, url)).status_code == 405
    assert (await anybody.get(url)).status_code == 200


async def test_its_address_is_the_one_that_the_client_sees(system: System, pool: Pool) -> None:
    url = await draw(
        system,
        pool,
        x_forwarded_proto="https",
        x_forwarded_host="ai.example",
        x_forwarded_prefix="/gw",
    )

    assert url.startswith("https://ai.example/gw/media/")


async def test_its_id_is_not_in_the_logs(
    system: System, pool: Pool, anybody: httpx.AsyncClient
) -> None:
    url = await draw(system, pool)
    await anybody.get(url)

    assert url.rpartition("/")[2] not in system.process.output()
