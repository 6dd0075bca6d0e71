"""Keys that share a project's quota, with limits that nobody has declared."""

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.system import System, running_simulator_process, running_system

MODEL = "gemini-2.5-flash"
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
ASK = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
PROJECTS, KEYS_EACH, RPM = 4, 5, 10

# Twenty keys of four projects; the simulator counts by project, as Google does.
OWNERS = {
    f"AIzaQuota{project}{number}{secrets.token_hex(8)}": f"project-{project}"
    for number in range(KEYS_EACH)
    for project in range(PROJECTS)
}


@pytest.fixture(scope="module", params=["sliding", "fixed"])
def limited(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system over a simulator with ten requests a minute for each project."""
    folder: Path = tmp_path_factory.mktemp("limited")
    with (
        running_simulator_process(
            folder,
            SIMULATOR_KEYS=json.dumps(OWNERS),
            SIMULATOR_RPM=str(RPM),
            SIMULATOR_WINDOW=request.param,
        ) as simulator_url,
        # Nobody waits here: what cannot be answered now is refused with the time.
        running_system(folder, simulator_url, MAX_WAIT_SECONDS="0") as system,
    ):
        yield system


async def refused_upstream(system: System) -> int:
    async with system.control() as control:
        return (await control.counts()).total.by_status.get("429", 0)


async def ask(client: httpx.AsyncClient, count: int) -> list[httpx.Response]:
    return list(await asyncio.gather(*(client.post(GENERATE, json=ASK) for _ in range(count))))


async def test_a_learned_limit_is_kept_to_without_asking_again(limited: System) -> None:
    pool = await limited.new_pool(owners=OWNERS)
    async with limited.control() as control:
        # Early in a minute, so that a fixed one does not end in the middle.
        await control.set_clock(65 - time.time() % 60)
    async with limited.client(pool) as client:
        answers = []
        for _ in range(6):
            answers += await ask(client, 10)
        learned = await refused_upstream(limited)
        # From here on the limit is known: nothing is sent that would be refused.
        await asyncio.sleep(2)
        later = await ask(client, 30)
        await asyncio.sleep(1)
        later += await ask(client, 30)

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: PROJECTS * RPM, 429: 60 - PROJECTS * RPM}
    assert learned <= 20, "only what was on its way while the limits were learned"
    assert await refused_upstream(limited) == learned
    for answer in later:
        if answer.status_code != 200:
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 61
    async with limited.control() as control:
        tally = await control.counts()
    by_project: Counter[str] = Counter()
    for key, owner in OWNERS.items():
        by_project[owner] += tally.of(key).by_status.get("200", 0)
    assert all(count <= 2 * RPM for count in by_project.values())
