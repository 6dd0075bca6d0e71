"""Responses that are gone on from at another edge, and a files service that is away."""

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

__all__ = ["redis_url", "valkey_server"]


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
    google: tuple[Keypool, str], target: str, token: str = ""
) -> AsyncIterator[httpx.AsyncClient]:
    keypool, google_url = google
    headers = {"x-api-key": token or await new_token(keypool)}
    async with (
        running_edge(keypool, base_url=google_url, files_target=target) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client,
    ):
        yield client


async def ask(client: httpx.AsyncClient, **body: Any) -> Any:
    asked = {"model": "gemini-2.5-flash", "input": "please repeat marzipan"} | body
    answer = await client.post("/v1/responses", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_another_edge_goes_on(redis_url: str, google: tuple[Keypool, str]) -> None:
    token = await new_token(google[0])
    async with running_files(redis_url, google[0].target, google[1]) as (_, at):
        async with client_of(google, at, token) as first:
            begun = await ask(first)
        # The edge that began is gone.
        async with client_of(google, at, token) as other:
            gone_on = await ask(other, input="and nougat", previous_response_id=begun["id"])
            items = await other.get(f"/v1/responses/{gone_on['id']}/input_items?order=asc")

    texts = [item["content"][0]["text"] for item in items.json()["data"]]
    assert texts == [
        "please repeat marzipan",
        begun["output"][0]["content"][0]["text"],
        "and nougat",
    ]
    assert gone_on["usage"]["input_tokens"] > begun["usage"]["input_tokens"]


@pytest.mark.parametrize("stream", [False, True])
async def test_no_room(redis_url: str, google: tuple[Keypool, str], stream: bool) -> None:
    no_room = {"files_answers_bytes": 0}
    async with (
        running_files(redis_url, google[0].target, google[1], **no_room) as (_, at),
        client_of(google, at) as client,
    ):
        asked = {"model": "gemini-2.5-flash", "input": "hi", "stream": stream}
        answer = await client.post("/v1/responses", json=asked)

        assert answer.status_code == 200
        assert '"store":false' in answer.text.rpartition('"status":"completed"')[2]


@pytest.mark.parametrize("target", ["", "127.0.0.1:1"])
async def test_answers_come_without_a_files_service(
    google: tuple[Keypool, str], target: str
) -> None:
    status, code = (503, "files_unavailable") if target else (404, None)
    async with client_of(google, target) as client:
        response = await ask(client, store=not target)

        assert response["store"] is False
        found = await client.get(f"/v1/responses/{response['id']}")
        asked = {"model": "m", "input": "hi", "previous_response_id": response["id"]}
        gone_on = await client.post("/v1/responses", json=asked)
        for answer in (found, gone_on):
            assert answer.status_code == status
        assert found.json()["error"]["code"] == code


async def test_pages_of_items_and_what_is_no_page(
    redis_url: str, google: tuple[Keypool, str]
) -> None:
    async with (
        running_files(redis_url, google[0].target, google[1]) as (_, at),
        client_of(google, at) as client,
    ):
        said = [{"role": "user", "content": str(number)} for number in range(5)]
        root = f"/v1/responses/{(await ask(client, input=said))['id']}"

        async def page(query: str) -> tuple[list[str], bool, str]:
            told = (await client.get(f"{root}/input_items{query}")).json()
            texts = [item["content"][0]["text"] for item in told["data"]]
            return texts, told["has_more"], told["last_id"]

        texts, has_more, last = await page("?limit=2")
        assert (texts, has_more) == (["4", "3"], True)
        assert (await page(f"?limit=2&after={last}"))[0] == ["2", "1"]
        assert (await page("?order=asc"))[:2] == ([*"01234"], False)
        for query in ("limit=0", "limit=101", "limit=x", "order=odd", "after=odd"):
            answer = await client.get(f"{root}/input_items?{query}")
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == query.partition("=")[0]
        assert (await client.get(f"{root}?stream=true")).status_code == 400
        assert (await client.post(root)).status_code == 405
        assert (await client.post(f"{root}/input_items")).status_code == 405
        assert (await client.get(f"{root}/odd")).status_code == 404
        assert (await client.get("/v1/responses/odd")).status_code == 404
        assert (await client.get("/v1/responses")).status_code == 405
