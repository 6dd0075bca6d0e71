"""Whatever the chunks and the faults: the same bytes arrive, and nothing safe is ever lost."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.files.errors import (
    OffsetMismatchError,
    UploadFinalizedError,
    UploadPreemptedError,
)
from services.files.keeping.part_reader import PartReader
from services.files.uploads import Upload, UploadState
from tests.support.scripted_google import Trouble
from tests.support.virtual_time import run_virtually
from tests.unit.files.planned_writes import CONTENT, PLANS, STEPS, Client, Plan, Step, World


def check(plan: Plan) -> None:
    """Let a client follow a plan, and then bring the rest home."""
    world = World(plan)
    client = Client(world)

    async def run() -> None:
        await client.begin()
        for step in plan.steps:
            await client.follow([step])
            client.check_at_rest()
        await check_end(world, await client.bring_home())

    with world.planned():
        run_virtually(run())
    # After each fault Google was asked, so no byte was ever sent to a wrong place.
    assert world.google.misplaced == 0


async def check_end(world: World, upload: Upload, *, uploads: int = 1) -> None:
    final = [found for found in world.google.sessions.values() if found.state == "final"]
    assert [bytes(found.content) for found in final] == [CONTENT[: world.plan.size]] * uploads
    assert (upload.state, upload.committed_size) == (UploadState.FINALIZED, world.plan.size)
    assert set(world.pool.bound) == set(world.store.files)
    assert len(world.store.files) == uploads
    assert await kept_of(world, upload) == CONTENT[: world.plan.size]
    assert world.budget.used == 0
    assert not world.pool.open


async def kept_of(world: World, upload: Upload) -> bytes:
    """Return the bytes that were kept of a file."""
    kept = world.store.files[upload.file].kept
    assert kept is not None
    reader = PartReader(world.keeper, kept)
    found = bytes(await reader.read(0, kept.size))
    await reader.close()
    return found


def a_step(length: int) -> Step:
    return Step(length, overlap=0, frames=[1], announce=False, cut_after=None)


PLAIN = Plan(
    size=0,
    declared=False,
    before=16,
    granule=16,
    keeps=1,
    room=2,
    part=4,
    steps=[],
    google=[],
    store=frozenset(),
    keyless=False,
)
# Each has gone wrong once.
LAST_ANSWER_LOST = replace(PLAIN, google=[Trouble.NONE, Trouble.ANSWER_LOST, Trouble.UNSENT])
TAIL_BEYOND_GRANULE = replace(
    PLAIN, size=19, before=48, steps=[a_step(0), a_step(17)], store=frozenset({0, 18})
)
GRANULE_BEYOND_TAIL = replace(PLAIN, size=17, granule=48, steps=[a_step(4), a_step(12)])
SIZE_UNKNOWN_AT_THE_END = replace(PLAIN, size=17, steps=[a_step(0)], store=frozenset({13}))


@settings(max_examples=250, deadline=None)
@example(LAST_ANSWER_LOST)
@example(TAIL_BEYOND_GRANULE)
@example(GRANULE_BEYOND_TAIL)
@example(SIZE_UNKNOWN_AT_THE_END)
@given(PLANS)
def test_the_same_bytes_arrive(plan: Plan) -> None:
    check(plan)


@pytest.mark.stress
@pytest.mark.timeout(1200)
@settings(max_examples=10_000, deadline=None)
@given(PLANS)
def test_the_same_bytes_arrive_ten_thousand_times(plan: Plan) -> None:
    check(plan)


@settings(max_examples=250, deadline=None)
@given(PLANS, st.lists(STEPS, max_size=6), st.floats(0, 0.2))
def test_writers_at_once_do_no_harm(plan: Plan, others: list[Step], later: float) -> None:
    world = World(plan)
    rivalry = (UploadPreemptedError, UploadFinalizedError, OffsetMismatchError)
    first, second = Client(world, *rivalry), Client(world, *rivalry)

    async def follow_later() -> None:
        await asyncio.sleep(later)
        await second.follow(others)

    async def run() -> None:
        await first.begin()
        await asyncio.gather(first.follow(plan.steps), follow_later())
        first.check_at_rest()
        second.check_at_rest()
        await check_end(world, await first.bring_home())

    with world.planned():
        run_virtually(run())


@settings(max_examples=150, deadline=None)
@given(PLANS, st.integers(2, 5))
def test_uploads_at_once_share_little_memory(plan: Plan, count: int) -> None:
    world = World(replace(plan, room=2))
    clients = [Client(world, name=f"u{number}") for number in range(count)]

    async def bring(client: Client) -> Upload:
        await client.begin()
        await client.follow(plan.steps)
        return await client.bring_home()

    async def run() -> None:
        for upload in await asyncio.gather(*map(bring, clients)):
            await check_end(world, upload, uploads=count)

    with world.planned():
        run_virtually(run())
