"""Files whose bytes were not kept: the client is told what to do."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.test_citations import CHAT, STREAM, cache, chat, citing
from tests.support.system import System, running_simulator_process, running_system
from tests.support.two_clients import GENERATE, Two, two_clients


@pytest.fixture(scope="module")
def unkept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that keeps no bytes."""
    folder = tmp_path_factory.mktemp("unkept")
    with (
        running_simulator_process(folder) as simulator_url,
        running_system(folder, simulator_url, FILES_STORE_URL="") as system,
    ):
        yield system


@pytest.fixture
async def two(unkept: System) -> AsyncIterator[Two]:
    async with two_clients(unkept) as clients:
        yield clients


async def test_files_that_lie_apart_and_were_not_kept(two: Two) -> None:
    names = await two.split_files()
    before = await two.sent()

    for path, body in (
        (GENERATE, citing(*names)),
        (STREAM, citing(*names)),
        ("/v1beta/cachedContents", cache(*names)),
        (CHAT, chat(*names)),
        (CHAT, chat(*names, stream=True)),
    ):
        answer = await two.client.post(path, json=body)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert "Upload the files again" in error["message"]
        if path != CHAT:
            assert error["status"] == "FAILED_PRECONDITION"
    assert await two.sent() == before
    for name in names:
        assert (await two.client.post(GENERATE, json=citing(name))).status_code == 200


async def test_a_cache_and_a_file_that_lie_apart(two: Two) -> None:
    file = await two.upload()
    owner = await two.owner_of(file)
    await two.pause(owner)
    made = await two.client.post("/v1beta/cachedContents", json=cache())
    await two.resume(owner)

    body = {**citing(file), "cachedContent": made.json()["name"]}
    answer = await two.client.post(GENERATE, json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "FAILED_PRECONDITION"


@pytest.mark.parametrize("path", [GENERATE, STREAM, CHAT])
async def test_a_spent_owner_without_kept_bytes(two: Two, path: str) -> None:
    name = await two.upload()
    async with two.system.control() as control:
        key = await two.owner_of(name)
        await control.add_fault("rate_limit_minute", key=key, retry_seconds=50)
        before = await two.sent()

        answer = await two.client.post(path, json=chat(name) if path == CHAT else citing(name))

        assert answer.status_code == 429, answer.text
        assert 40 <= int(answer.headers["retry-after"]) <= 60
        assert await two.sent() == before + 1
        again = await two.client.post(GENERATE, json=citing(name))
        assert again.status_code == 429
        assert again.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
        assert 30 <= int(again.headers["retry-after"]) <= 60
        assert await two.sent() == before + 1


async def test_an_owner_that_is_out_of_use(two: Two) -> None:
    name = await two.upload()
    await two.pause(await two.owner_of(name))

    answer = await two.client.post(GENERATE, json=citing(name))

    assert answer.status_code == 503
    assert answer.json()["error"]["details"][0]["reason"] == "OWNER_UNUSABLE"
    assert "retry-after" not in answer.headers


async def test_an_overloaded_owner_is_asked_once_more(two: Two) -> None:
    name = await two.upload()
    async with two.system.control() as control:
        await control.add_fault("overloaded", key=await two.owner_of(name))

    answer = await two.client.post(GENERATE, json=citing(name))

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gemini-balance-attempts"] == "2"


async def test_a_files_service_that_is_away(two: Two) -> None:
    names = await two.split_files()
    process = two.system.run_file["pids"]["files"]
    os.kill(process, signal.SIGSTOP)
    try:
        split = asyncio.create_task(two.client.post(GENERATE, json=citing(*names)))
        single = await two.client.post(GENERATE, json=citing(names[0]))
        answer = await split
    finally:
        os.kill(process, signal.SIGCONT)

    assert single.status_code == 200
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
