"""Keys that share a project's quota, with limits that nobody has declared."""

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.support.system import System, running_simulator_process, running_system

MODEL = "gemini-2.5-flash"
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
ASK = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
PROJECTS, KEYS_EACH, RPM = 4, 5, 10
AT_ONCE = 10

# Twenty keys of four projects, and five of one that stands alone; the simulator counts by
# project, as Google does.
OWNERS = {
    f"AIzaQuota{project}{number}{secrets.token_hex(8)}": f"project-{project}"
    for number in range(KEYS_EACH)
    for project in range(PROJECTS)
}
ALONE = {f"AIzaAlone{number}{secrets.token_hex(8)}": "alone" for number in range(KEYS_EACH)}


@pytest.fixture(scope="module", params=["sliding", "fixed"])
def limited(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system over a simulator with ten requests a minute for each project."""
    folder: Path = tmp_path_factory.mktemp("limited")
    with (
        running_simulator_process(
            folder,
            SIMULATOR_KEYS=json.dumps(OWNERS | ALONE),
            SIMULATOR_RPM=str(RPM),
            SIMULATOR_WINDOW=request.param,
        ) as simulator_url,
        # Nobody waits here: what cannot be answered now is refused with the time.
        running_system(folder, simulator_url, MAX_WAIT_SECONDS="0") as system,
    ):
        yield system


async def answered_upstream(system: System, owners: Mapping[str, str], status: str) -> Counter[str]:
    """Return how often each project answered so."""
    async with system.control() as control:
        tally = await control.counts()
    found: Counter[str] = Counter()
    for key, owner in owners.items():
        found[owner] += tally.of(key).by_status.get(status, 0)
    return found


async def begin_a_minute(system: System) -> None:
    """Set the simulator's clock early in a minute, so that a fixed one does not end in between."""
    async with system.control() as control:
        await control.set_clock(65 - time.time() % 60)


async def ask(client: httpx.AsyncClient, count: int) -> list[httpx.Response]:
    return list(await asyncio.gather(*(client.post(GENERATE, json=ASK) for _ in range(count))))


async def ask_in_turn(client: httpx.AsyncClient, count: int) -> list[int]:
    return [(await client.post(GENERATE, json=ASK)).status_code for _ in range(count)]


async def test_a_learned_limit_is_kept_to_without_asking_again(limited: System) -> None:
    pool = await limited.new_pool(owners=OWNERS)
    await begin_a_minute(limited)
    async with limited.client(pool) as client:
        answers = []
        for _ in range(6):
            answers += await ask(client, AT_ONCE)
        learned = await answered_upstream(limited, OWNERS, "429")
        # From here on the limit is known: nothing is sent that would be refused.
        await asyncio.sleep(2)
        later = await ask(client, 30)
        await asyncio.sleep(1)
        later += await ask(client, 30)

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: PROJECTS * RPM, 429: 6 * AT_ONCE - PROJECTS * RPM}
    # A request never asks a project twice, so no more were on their way to one when it refused.
    assert all(1 <= count <= AT_ONCE for count in learned.values()), learned
    assert await answered_upstream(limited, OWNERS, "429") == learned
    for answer in later:
        if answer.status_code != 200:
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 61
    served = await answered_upstream(limited, OWNERS, "200")
    assert all(count <= 2 * RPM for count in served.values())


async def test_only_what_was_on_its_way_meets_an_unknown_limit(limited: System) -> None:
    pool = await limited.new_pool(owners=ALONE)
    await begin_a_minute(limited)
    async with limited.client(pool) as client:
        turns = await asyncio.gather(*(ask_in_turn(client, 10) for _ in range(AT_ONCE)))
        learned = await answered_upstream(limited, ALONE, "429")
        await asyncio.sleep(2)
        await asyncio.gather(*(ask_in_turn(client, 3) for _ in range(AT_ONCE)))

    statuses = Counter(status for turn in turns for status in turn)
    assert statuses == {200: RPM, 429: 10 * AT_ONCE - RPM}
    assert 1 <= learned["alone"] <= AT_ONCE
    assert await answered_upstream(limited, ALONE, "429") == learned
