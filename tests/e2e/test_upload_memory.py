"""The memory of uploads stays within its budget, whatever runs through."""

import asyncio
import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.processes import Cost, watched
from services.files.settings import FilesSettings
from tests.support.resuming import ResumingUpload
from tests.support.samples import sample_sha256
from tests.support.system import System, running_simulator_process, running_system

MIB = 1024 * 1024
BUFFERS: int = FilesSettings.model_fields["files_buffer_bytes"].default
PARTS = ("edge", "files")


@pytest.fixture(params=["", "file"], ids=["store-off", "store-on"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[System]:
    """A system that does nothing else."""
    store = f"file://{tmp_path}/kept" if request.param else ""
    with (
        running_simulator_process(tmp_path) as simulator_url,
        running_system(tmp_path, simulator_url, FILES_STORE_URL=store, LOG_LEVEL="INFO") as running,
    ):
        yield running


async def upload(system: System, token: str, size: int, *, first: int = 0) -> None:
    """Send bytes of the sample while they are made, in one request; they must arrive as sent."""
    file = await ResumingUpload(system.url, token, size, chunk=size, first=first).run()

    expected = await asyncio.to_thread(sample_sha256, size, first)
    assert base64.b64decode(file["sha256Hash"]).hex() == expected


@contextlib.contextmanager
def rising(system: System) -> Iterator[Cost]:
    """Watch the memory of the edge and of the files service."""
    pids = system.run_file["pids"]
    with watched({part: [pids[part]] for part in PARTS}) as cost:
        yield cost
    assert {part: pids[part] for part in PARTS} == {
        part: system.run_file["pids"][part] for part in PARTS
    }, "a part has died"


@pytest.mark.stress
@pytest.mark.timeout(900)
async def test_two_gib_in_one_request_take_next_to_no_memory(system: System) -> None:
    pool = await system.new_pool(2)
    await upload(system, pool.token, 40 * MIB)

    with rising(system) as cost:
        await upload(system, pool.token, 2 * 1024 * MIB)

    assert cost.rise("edge") < 64 * MIB
    assert cost.rise("files") < 64 * MIB


@pytest.mark.stress
@pytest.mark.timeout(900)
async def test_twenty_uploads_at_once_share_one_budget(system: System) -> None:
    # One client alone gets no more than a part of the budget.
    tokens = [(await system.new_pool(2)).token for _ in range(4)]
    await upload(system, tokens[0], 40 * MIB)

    with rising(system) as cost:
        async with asyncio.TaskGroup() as tasks:
            for number in range(20):
                first = number * 1_000_003
                tasks.create_task(upload(system, tokens[number % 4], 100 * MIB, first=first))

    assert cost.rise("edge") < 64 * MIB
    assert cost.rise("files") < 64 * MIB + BUFFERS
