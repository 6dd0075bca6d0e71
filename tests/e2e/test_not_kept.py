"""Files whose bytes are not kept: the client is told what to do, at no cost."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.test_citations import CHAT, STREAM, cache, chat, citing, split_files
from tests.support.system import System, running_system
from tests.support.two_clients import GENERATE, Two, two_clients


@pytest.fixture(scope="module")
def without_store(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that keeps no bytes, over the same upstream."""
    folder = tmp_path_factory.mktemp("without-store")
    with running_system(folder, system.simulator_url, FILES_STORE_URL="") as running:
        yield running


@pytest.fixture
async def bare(without_store: System) -> AsyncIterator[Two]:
    """Two clients of one pool of nine projects."""
    async with two_clients(without_store) as clients:
        yield clients


async def test_files_that_lie_apart_and_were_not_kept(bare: Two) -> None:
    names = await split_files(bare)
    before = await bare.sent()

    for path, body in (
        (GENERATE, citing(*names)),
        (STREAM, citing(*names)),
        ("/v1beta/cachedContents", cache(*names)),
        (CHAT, chat(*names)),
        (CHAT, chat(*names, stream=True)),
    ):
        answer = await bare.client.post(path, json=body)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert "Upload the files again" in error["message"]
        if path != CHAT:
            assert error["status"] == "FAILED_PRECONDITION"
    assert await bare.sent() == before
    for name in names:
        assert (await bare.client.post(GENERATE, json=citing(name))).status_code == 200


async def test_a_cache_and_a_file_that_lie_apart(bare: Two) -> None:
    file = await bare.upload()
    owner = await bare.owner_of(file)
    await bare.pause(owner)
    made = await bare.client.post("/v1beta/cachedContents", json=cache())
    await bare.resume(owner)

    body = {**citing(file), "cachedContent": made.json()["name"]}
    answer = await bare.client.post(GENERATE, json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "FAILED_PRECONDITION"


@pytest.mark.parametrize("path", [GENERATE, STREAM, CHAT])
async def test_a_spent_owner_without_kept_bytes(bare: Two, path: str) -> None:
    name = await bare.upload()
    async with bare.system.control() as control:
        key = await bare.owner_of(name)
        await control.add_fault("rate_limit_minute", key=key, retry_seconds=50)
        before = await bare.sent()

        answer = await bare.client.post(path, json=chat(name) if path == CHAT else citing(name))

        assert answer.status_code == 429, answer.text
        assert 40 <= int(answer.headers["retry-after"]) <= 60
        assert await bare.sent() == before + 1
        again = await bare.client.post(GENERATE, json=citing(name))
        assert again.status_code == 429
        assert again.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
        assert 30 <= int(again.headers["retry-after"]) <= 60
        assert await bare.sent() == before + 1


async def test_an_owner_that_is_out_of_use(bare: Two) -> None:
    name = await bare.upload()
    await bare.pause(await bare.owner_of(name))

    answer = await bare.client.post(GENERATE, json=citing(name))

    assert answer.status_code == 503
    assert answer.json()["error"]["details"][0]["reason"] == "OWNER_UNUSABLE"
    assert "retry-after" not in answer.headers
