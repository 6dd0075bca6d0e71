"""What belongs to a project, while the key pool that knows so is away."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.test_resources import make
from tests.support.system import System, running_simulator_process, system_beside
from tests.support.two_clients import ASK, GENERATE, Two, two_clients
from tests.support.waiting import eventually


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Two]:
    """Two clients of a system that can be hurt."""
    folder = tmp_path / "own"
    folder.mkdir()
    with running_simulator_process(folder) as simulator_url:
        async with (
            system_beside(folder, simulator_url, MAX_WAIT_SECONDS="2") as system,
            two_clients(system, keys=5) as two,
        ):
            yield two


@contextmanager
def key_pool_stopped(system: System) -> Iterator[None]:
    """Let the key pool accept connections and answer nothing for the length of the block."""
    process = system.run_file["pids"]["keypool"]
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


async def test_known_things_are_reached_and_nothing_new_is_made(own: Two) -> None:
    names = [await make(own.client, "cachedContents") for _ in range(4)]
    for name in names:
        assert (await own.client.get(f"/v1beta/{name}")).status_code == 200
    await own.rotate()
    assert (await own.other.get("/v1beta/cachedContents")).json() == {}
    before = await own.sent()

    with key_pool_stopped(own.system):
        for name in names:
            answer = await own.client.post(GENERATE, json={**ASK, "cachedContent": name})
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-gemini-balance-attempts"] == "1"
        foreign = await own.other.post(GENERATE, json={**ASK, "cachedContent": names[0]})
        refused = [
            await own.client.get("/v1beta/cachedContents/unknown"),
            await own.client.get("/v1beta/cachedContents"),
            await own.client.post("/v1beta/fileSearchStores", json={}),
        ]

    assert foreign.status_code == 403
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert await own.sent() == before + len(names)


async def test_what_could_not_be_bound_at_once_is_not_lost(own: Two) -> None:
    async with own.system.control() as control:
        await control.add_fault("delay", verb="fileSearchStores.create", delay_seconds=1)
    assert (await own.client.get("/v1beta/fileSearchStores")).json() == {}

    making = asyncio.create_task(own.client.post("/v1beta/fileSearchStores", json={}))
    async with own.system.control() as control:
        await eventually(control.counts, lambda tally: tally.open == 1)
    with key_pool_stopped(own.system):
        answer = await making

    assert answer.status_code == 503
    error = answer.json()["error"]
    assert "exists upstream" in error["message"]
    name = error["message"].partition(":")[0]
    found = await eventually(
        lambda: own.client.get(f"/v1beta/{name}"), lambda got: got.status_code == 200, seconds=20
    )
    assert found.json()["name"] == name


async def test_what_a_client_left_behind_is_still_its_own(own: Two) -> None:
    async with own.system.control() as control:
        await control.add_fault("delay", verb="fileSearchStores.create", delay_seconds=1)
        making = asyncio.create_task(own.client.post("/v1beta/fileSearchStores", json={}))
        await eventually(control.counts, lambda tally: tally.open == 1)

    making.cancel()

    async def stores() -> list[str]:
        page = (await own.client.get("/v1beta/fileSearchStores")).json()
        return [store["name"] for store in page.get("fileSearchStores", [])]

    assert len(await eventually(stores, bool)) == 1


async def test_files_can_be_shared_by_a_pool(tmp_path: Path) -> None:
    with running_simulator_process(tmp_path) as simulator_url:
        async with (
            system_beside(
                tmp_path / "shared", simulator_url, FILES_USER_ISOLATION_ENABLED="false"
            ) as system,
            two_clients(system, keys=3) as two,
        ):
            name = await two.upload()
            part = {"fileData": {"fileUri": name, "mimeType": "text/plain"}}
            body = {"contents": [{"role": "user", "parts": [part, {"text": "?"}]}]}
            cache = await make(two.client, "cachedContents")

            assert (await two.other.post(GENERATE, json=body)).status_code == 200
            assert (await two.other.get(f"/v1beta/{cache}")).status_code == 403
