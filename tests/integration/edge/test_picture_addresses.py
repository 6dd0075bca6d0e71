"""Pictures that can have no address are given all the same; addresses end in time."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.edge import new_token, running_edge
from tests.support.files import running_files
from tests.support.keypool import Keypool, running_keypool, secrets_of
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

HOUR = 3600


@pytest.fixture
async def google(redis_url: str) -> AsyncIterator[tuple[Keypool, str]]:
    async with (
        upstream() as simulator,
        running_keypool(redis_url, base_url=simulator.url) as keypool,
    ):
        await keypool.add_keys(*secrets_of(1))
        yield keypool, simulator.url


@contextlib.asynccontextmanager
async def client_of(
    keypool: Keypool, google_url: str, target: str
) -> AsyncIterator[httpx.AsyncClient]:
    token = await new_token(keypool)
    async with (
        running_edge(keypool, base_url=google_url, files_target=target) as url,
        httpx.AsyncClient(base_url=url, headers={"x-api-key": token}, timeout=30) as client,
    ):
        yield client


async def draw(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    answer = await client.post("/v1/images/generations", json={"prompt": "a fox", **body})
    assert answer.status_code == 200, answer.text
    return answer


def shown(answer: httpx.Response) -> list[list[str]]:
    return [sorted(each) for each in answer.json()["data"]]


async def test_an_address_ends_in_time(redis_url: str, google: tuple[Keypool, str]) -> None:
    keypool, google_url = google
    async with (
        running_files(redis_url, keypool.target, google_url, files_media_hours=2 / HOUR) as (_, at),
        client_of(keypool, google_url, at) as client,
    ):
        url = (await draw(client)).json()["data"][0]["url"]
        assert (await client.get(url)).status_code == 200

        async def status() -> int:
            return (await client.get(url)).status_code

        await eventually(status, lambda seen: seen == 404)
        assert (await client.head(url)).status_code == 404
        assert (await client.get(url)).json()["error"]["code"] == "media_not_found"


async def test_no_room_for_more(redis_url: str, google: tuple[Keypool, str]) -> None:
    keypool, google_url = google
    async with (
        running_files(redis_url, keypool.target, google_url, files_media_bytes=400) as (
            _,
            at,
        ),
        client_of(keypool, google_url, at) as client,
    ):
        answer = await draw(client, n=4)

        kinds = shown(answer)
        assert kinds[0] == ["url"]
        assert kinds[-1] == ["b64_json"]
        assert answer.headers["x-gemini-balance-ignored"] == "response_format"
        asked = await draw(client, response_format="b64_json")
        assert shown(asked) == [["b64_json"]]
        assert "x-gemini-balance-ignored" not in asked.headers


async def test_without_a_files_service(google: tuple[Keypool, str]) -> None:
    async with client_of(*google, target="") as client:
        answer = await draw(client)

        assert shown(answer) == [["b64_json"]]
        assert answer.headers["x-gemini-balance-ignored"] == "response_format"
        assert (await client.get("/media/" + "A" * 22)).status_code == 404


async def test_a_files_service_that_is_away(google: tuple[Keypool, str]) -> None:
    async with client_of(*google, target="127.0.0.1:1") as client:
        answer = await draw(client, n=3)

        assert shown(answer) == [["b64_json"]] * 3
        assert (await client.get("/media/" + "A" * 22)).status_code == 503
