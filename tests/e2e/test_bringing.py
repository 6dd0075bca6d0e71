"""Files whose bytes were kept go where they are needed, and nobody notices."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli.secrets_store import load_or_create
from services.simulator.control import Received
from tests.e2e.test_citations import CHAT, COUNT, STREAM, batch, cache, chat, citing, split_files
from tests.support.second_lives import SecondLives, running_second_lives
from tests.support.system import System, clean_environment, free_port, running, wait_for_http
from tests.support.two_clients import FLASH, GENERATE, Two

BATCH = f"/v1beta/models/{FLASH}:batchGenerateContent"


@asynccontextmanager
async def edge_beside(system: System, folder: Path, files_target: str) -> AsyncIterator[str]:
    """Run another edge of a system, with another files service."""
    port = free_port()
    secrets = load_or_create(system.data_dir)
    env = clean_environment(
        HTTP_HOST="127.0.0.1",
        HTTP_PORT=str(port),
        OPS_HOST="127.0.0.1",
        OPS_PORT=str(free_port()),
        KEYPOOL_TARGET=system.run_file["keypool_target"],
        FILES_TARGET=files_target,
        SERVICE_CREDENTIAL=secrets.edge,
        BASE_URL=system.simulator_url,
        MAX_WAIT_SECONDS="0",
        LOG_LEVEL="DEBUG",
    )
    command = (sys.executable, "-m", "services.edge")
    context = running(*command, log=folder / "edge.log", cwd=folder, env=env)
    process = await asyncio.to_thread(context.__enter__)
    try:
        await asyncio.to_thread(wait_for_http, f"http://127.0.0.1:{port}/readyz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


@pytest.fixture
async def lives(two: Two) -> SecondLives:
    keys = {key.project_id: secret for secret, key in (await two.system.keys_of(two.pool)).items()}
    # The other methods stay unimplemented, and are not asked for.
    return SecondLives(two.system.simulator_url, keys)  # type: ignore[abstract]


@pytest.fixture
async def client(two: Two, lives: SecondLives, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an edge whose files service keeps bytes."""
    async with (
        running_second_lives(lives) as target,
        edge_beside(two.system, tmp_path, target) as url,
        httpx.AsyncClient(base_url=url, headers=two.client.headers, timeout=60) as connected,
    ):
        yield connected


async def kept(two: Two, lives: SecondLives) -> list[str]:
    """Upload two files that lie apart, and let their bytes be kept."""
    names = await split_files(two)
    lives.kept |= {name: name.encode() for name in names}
    return names


async def last_request(two: Two) -> Received:
    async with two.system.control() as control:
        return [one for one in await control.requests(500) if one.key in two.pool.keys][-1]


@pytest.mark.parametrize("path", [GENERATE, STREAM, COUNT, BATCH, "/v1beta/cachedContents", CHAT])
async def test_files_that_lie_apart_are_brought_together(
    two: Two, lives: SecondLives, client: httpx.AsyncClient, path: str
) -> None:
    names = await kept(two, lives)
    make: Any = {BATCH: batch, CHAT: chat, "/v1beta/cachedContents": cache}.get(path, citing)

    answers = [await client.post(path, json=make(*names)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
    assert sum(lives.ensured.values()) == 1
    sent = await last_request(two)
    copies = [name for held in lives.copies.values() for name in held.values()]
    assert copies[0].encode() in sent.body
    for answer in answers:
        assert copies[0] not in answer.text


async def test_a_spent_owner_is_replaced_while_the_request_waits(
    two: Two, lives: SecondLives, client: httpx.AsyncClient
) -> None:
    name = await two.upload()
    lives.kept[name] = b"hello"
    owner = await two.owner_of(name)
    async with two.system.control() as control:
        limit = {"key": owner, "retry_seconds": 50, "verb": "generateContent"}
        await control.add_fault("rate_limit_minute", **limit)

    answers = [await client.post(path, json=citing(name)) for path in (GENERATE, STREAM, GENERATE)]

    assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
    assert answers[0].headers["x-gemini-balance-attempts"] == "2"
    assert answers[1].headers["x-gemini-balance-attempts"] == "1"
    assert sum(lives.ensured.values()) == 1


async def test_a_dead_owner_is_replaced(
    two: Two, lives: SecondLives, client: httpx.AsyncClient
) -> None:
    name = await two.upload()
    lives.kept[name] = b"hello"
    await two.pause(await two.owner_of(name))

    answer = await client.post(CHAT, json=chat(name))

    assert answer.status_code == 200, answer.text


async def test_one_replacement_after_the_other(
    two: Two, lives: SecondLives, client: httpx.AsyncClient
) -> None:
    name = await two.upload()
    lives.kept[name] = b"hello"
    owner = await two.owner_of(name)
    good = next(key for key in two.pool.keys if key != owner)
    async with two.system.control() as control:
        for key in two.pool.keys:
            limit = {"key": key, "retry_seconds": 50, "verb": "generateContent", "count": None}
            if key != good:
                await control.add_fault("rate_limit_minute", **limit)

    answers = [await client.post(GENERATE, json=citing(name)) for _ in range(3)]

    # Each request tries four projects at most; those that refused are known to the next one.
    assert answers[-1].status_code == 200, answers[-1].text
    for answer in answers:
        if answer.status_code != 200:
            assert answer.status_code == 429
            assert answer.headers["x-gemini-balance-attempts"] == "4"
    assert (await last_request(two)).key == good


async def test_files_go_to_where_a_cache_lies(
    two: Two, lives: SecondLives, client: httpx.AsyncClient
) -> None:
    name = await two.upload()
    lives.kept[name] = b"hello"
    owner = await two.owner_of(name)
    await two.pause(owner)
    made = (await client.post("/v1beta/cachedContents", json=cache())).json()
    await two.resume(owner)

    answer = await client.post(GENERATE, json={**citing(name), "cachedContent": made["name"]})

    assert answer.status_code == 200, answer.text
    assert (await last_request(two)).key == await two.owner_of(made["name"])


async def test_copies_are_used_before_new_ones_are_made(
    two: Two, lives: SecondLives, client: httpx.AsyncClient
) -> None:
    first, second = await kept(two, lives)
    assert (await client.post(GENERATE, json=citing(first, second))).status_code == 200
    lives.kept.clear()

    again = await client.post(GENERATE, json=citing(second, first))

    assert again.status_code == 200, again.text
    assert sum(lives.ensured.values()) == 1


async def test_refusals_name_what_the_client_knows(
    two: Two, lives: SecondLives, client: httpx.AsyncClient
) -> None:
    names = await kept(two, lives)
    assert (await client.post(GENERATE, json=citing(*names))).status_code == 200
    [(name, held)] = lives.copies.items()
    [(project, copy)] = held.items()
    async with httpx.AsyncClient(base_url=two.system.simulator_url) as upstream:
        head = {"x-goog-api-key": lives.keys[project]}
        await upstream.delete(f"/v1beta/{copy}", headers=head)

    answer = await client.post(GENERATE, json=citing(*names))

    assert answer.status_code == 403
    message = answer.json()["error"]["message"]
    assert name.removeprefix("files/") in message
    assert copy.removeprefix("files/") not in message


async def test_without_bytes_or_a_files_service_the_client_is_told(
    two: Two, lives: SecondLives, client: httpx.AsyncClient
) -> None:
    names = await split_files(two)

    not_kept = await client.post(GENERATE, json=citing(*names))
    lives.is_away = True
    away = await client.post(GENERATE, json=citing(*names))
    single = await client.post(GENERATE, json=citing(names[0]))

    assert not_kept.status_code == 400
    assert not_kept.json()["error"]["status"] == "FAILED_PRECONDITION"
    assert away.status_code == 503
    assert away.headers["retry-after"] == "1"
    assert single.status_code == 200


async def test_streams_are_told_in_the_clients_names(
    two: Two, lives: SecondLives, client: httpx.AsyncClient
) -> None:
    names = await kept(two, lives)
    assert (await client.post(GENERATE, json=citing(*names))).status_code == 200
    [(name, held)] = lives.copies.items()
    [copy] = held.values()
    body = citing(*names, text=f"please repeat {copy} " + "and so on " * 40)

    for query in ("", "?alt=json"):
        answer = await client.post(f"{STREAM}{query}", json=body)
        text = answer.text
        assert answer.status_code == 200
        assert copy not in text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert not events
    assert name.removeprefix("files/") in text
