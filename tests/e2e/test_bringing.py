"""Files whose bytes are kept go where they are needed, and nobody notices."""

from typing import Any

import httpx
import pytest

from tests.e2e.test_citations import CHAT, COUNT, STREAM, batch, cache, chat, citing
from tests.support.two_clients import FLASH, GENERATE, Two

BATCH = f"/v1beta/models/{FLASH}:batchGenerateContent"
CACHES = "/v1beta/cachedContents"


async def only_copy(two: Two, names: list[str]) -> tuple[str, str]:
    """Return the one copy that was made: the client's name of the file, and the copy's."""
    copies = [(name, copy) for name in names for copy in (await two.copies_of(name)).values()]
    assert len(copies) == 1
    return copies[0]


@pytest.mark.parametrize("path", [GENERATE, STREAM, COUNT, BATCH, CACHES, CHAT])
async def test_files_that_lie_apart_are_brought_together(two: Two, path: str) -> None:
    names = await two.split_files()
    make: Any = {BATCH: batch, CHAT: chat, CACHES: cache}.get(path, citing)

    answers = [await two.client.post(path, json=make(*names)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
    _, copy = await only_copy(two, names)
    assert copy.encode() in (await two.last_request()).body
    assert all(copy not in answer.text for answer in answers)


async def test_the_order_of_files_makes_no_second_copy(two: Two) -> None:
    names = await two.split_files()

    for order in (names, names[::-1]):
        assert (await two.client.post(GENERATE, json=citing(*order))).status_code == 200

    await only_copy(two, names)


async def test_a_spent_owner_is_replaced_while_the_request_waits(two: Two) -> None:
    name = await two.upload()
    await two.spend(await two.owner_of(name))

    answers = [await two.client.post(path, json=citing(name)) for path in (GENERATE, STREAM)]

    assert [answer.status_code for answer in answers] == [200] * 2, answers[0].text
    tried = [answer.headers["x-gemini-balance-attempts"] for answer in answers]
    assert tried == ["2", "1"]
    await only_copy(two, [name])


async def test_a_dead_owner_is_replaced(two: Two) -> None:
    name = await two.upload()
    await two.pause(await two.owner_of(name))

    answer = await two.client.post(CHAT, json=chat(name))

    assert answer.status_code == 200, answer.text


async def test_one_replacement_after_the_other(two: Two) -> None:
    name = await two.upload()
    owner = await two.owner_of(name)
    good = next(key for key in two.pool.keys if key != owner)
    await two.spend(*(key for key in two.pool.keys if key != good))

    answers = [await two.client.post(GENERATE, json=citing(name)) for _ in range(3)]

    # Each request tries four projects at most; those that refused are known to the next one.
    assert answers[-1].status_code == 200, answers[-1].text
    for answer in answers:
        if answer.status_code != 200:
            assert answer.status_code == 429
            assert answer.headers["x-gemini-balance-attempts"] == "4"
    assert (await two.last_request()).key == good


async def test_files_go_to_where_a_cache_lies(two: Two) -> None:
    name = await two.upload()
    owner = await two.owner_of(name)
    await two.pause(owner)
    made = (await two.client.post(CACHES, json=cache())).json()["name"]
    await two.resume(owner)

    answer = await two.client.post(GENERATE, json={**citing(name), "cachedContent": made})

    assert answer.status_code == 200, answer.text
    assert (await two.last_request()).key == await two.owner_of(made)


async def test_things_that_cannot_move_and_lie_apart(two: Two) -> None:
    first = (await two.client.post(CACHES, json=cache())).json()["name"]
    owner = await two.owner_of(first)
    await two.pause(owner)
    store = (await two.client.post("/v1beta/fileSearchStores", json={})).json()["name"]
    await two.resume(owner)
    tool = {"fileSearch": {"fileSearchStoreNames": [store]}}

    answer = await two.client.post(
        GENERATE, json={**citing(), "cachedContent": first, "tools": [tool]}
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "FAILED_PRECONDITION"


async def test_refusals_name_what_the_client_knows(two: Two) -> None:
    names = await two.split_files()
    assert (await two.client.post(GENERATE, json=citing(*names))).status_code == 200
    name, copy = await only_copy(two, names)
    key = await two.owner_of(copy)
    async with httpx.AsyncClient(base_url=two.system.simulator_url) as upstream:
        await upstream.delete(f"/v1beta/{copy}", headers={"x-goog-api-key": key})

    answer = await two.client.post(GENERATE, json=citing(*names))

    assert answer.status_code == 403
    message = answer.json()["error"]["message"]
    assert name.removeprefix("files/") in message
    assert copy.removeprefix("files/") not in message


@pytest.mark.parametrize("query", ["", "?alt=json"])
async def test_streams_are_told_in_the_clients_names(two: Two, query: str) -> None:
    names = await two.split_files()
    assert (await two.client.post(GENERATE, json=citing(*names))).status_code == 200
    name, copy = await only_copy(two, names)
    body = citing(*names, text=f"please repeat {copy} " + "and so on " * 40)

    answer = await two.client.post(f"{STREAM}{query}", json=body)

    assert answer.status_code == 200
    assert copy not in answer.text
    assert name in answer.text
