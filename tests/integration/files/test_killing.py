"""Processes that die while bytes are on their way: nothing that was acknowledged is lost."""

import asyncio
import random
from pathlib import Path

import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from services.kit.errors import RemoteError
from services.simulator.control import ControlError
from tests.support.files import FRAME, GRANULE, noise, sha256
from tests.support.files_process import Replicas, running_replicas
from tests.support.uploading import PatientClient
from tests.support.waiting import eventually


async def begun(world: Replicas, name: str = "") -> PatientClient:
    body = f'{{"file":{{"name":"{name}"}}}}'.encode() if name else b""
    upload = await world.files[0].create(start_body=body)
    return PatientClient(world.files, upload.upload_id)


async def check(world: Replicas, upload: pb.Upload, content: bytes) -> None:
    assert (upload.state, upload.committed_size) == (pb.Upload.STATE_FINALIZED, len(content))
    assert await world.sim.file_sha256(upload.file.name) == sha256(content)
    assert [file.name for file in await world.files[0].listed()] == [upload.file.name]


async def is_made(world: Replicas, name: str) -> bool:
    """Whether Google has a file, whoever knows of it."""
    try:
        await world.sim.file_sha256(name)
    except ControlError:
        return False
    return True


@pytest.mark.parametrize(
    ("seed", "chunk", "announce"),
    [
        (0, None, True),
        (1, 5 * 1024 * 1024, False),
        *(
            pytest.param(seed, chunk, announce, marks=pytest.mark.stress)
            for seed in range(2, 6)
            for chunk in (None, 1_000_003, 11 * 1024 * 1024)
            for announce in (True, False)
        ),
    ],
)
async def test_killed_again_and_again_the_service_loses_nothing(
    tmp_path: Path, seed: int, chunk: int | None, announce: bool
) -> None:
    chance = random.Random(seed)
    content = noise(6 * GRANULE + chance.randrange(GRANULE), seed)
    async with running_replicas(tmp_path) as world:
        client = await begun(world)
        deaths = set(chance.sample(range(len(content) // FRAME), 3))

        async def die(frame: int) -> None:
            if frame in deaths:
                deaths.remove(frame)
                world.services[0].kill()
                world.services[0].start()

        upload = await client.bring(content, chunk=chunk, announce=announce, on_frame=die)

        await check(world, upload, content)
        assert not deaths
        assert len(client.failures) >= 1


async def test_killed_between_googles_last_word_and_our_record_it_is_bound_once(
    tmp_path: Path,
) -> None:
    content = noise(2 * GRANULE + 999)
    async with running_replicas(tmp_path) as world:
        await world.sim.add_fault("hold_answer", verb="upload.finalize", delay_seconds=60)
        client = await begun(world, "files/mine")
        [service] = world.services
        bringing = asyncio.create_task(client.bring(content))
        await eventually(lambda: is_made(world, "files/mine"), bool)

        service.kill()
        service.start()
        upload = await bringing

        await check(world, upload, content)
        assert upload.file.name == "files/mine"
        assert len(client.failures) == 1


@pytest.mark.parametrize("chunk", [None, 5 * 1024 * 1024])
async def test_redis_may_be_killed_and_come_back_with_its_file(
    tmp_path: Path, chunk: int | None
) -> None:
    content = noise(4 * GRANULE + 12_345)
    async with running_replicas(tmp_path) as world:
        client = await begun(world)
        deaths = {5, 3 * GRANULE // FRAME + 7}
        restarts: list[asyncio.Task[None]] = []

        async def restart() -> None:
            await asyncio.to_thread(world.valkey.kill)
            await eventually(world.services[0].is_ready, lambda ready: not ready)
            await asyncio.to_thread(world.valkey.start)

        async def die(frame: int) -> None:
            if frame in deaths:
                deaths.remove(frame)
                # A write that fails meanwhile gives up its frames, but not the store.
                restarts.append(asyncio.create_task(restart()))
                await asyncio.shield(restarts[-1])

        upload = await client.bring(content, chunk=chunk, on_frame=die)
        await asyncio.gather(*restarts)

        await check(world, upload, content)
        assert not deaths


async def test_the_newest_writer_wins_over_one_at_another_replica(tmp_path: Path) -> None:
    content = noise(4 * GRANULE + 7)
    async with running_replicas(tmp_path, 2) as world:
        upload_id = (await world.files[0].create()).upload_id
        older, newer = (PatientClient([files], upload_id) for files in world.files)
        older_may_go_on, newer_may_go_on = asyncio.Event(), asyncio.Event()

        async def stop_older(frame: int) -> None:
            if frame == GRANULE // FRAME + 2:
                await older_may_go_on.wait()

        async def stop_newer(frame: int) -> None:
            if frame == GRANULE // FRAME + 2:
                older_may_go_on.set()
                await newer_may_go_on.wait()

        first = asyncio.create_task(older.write(content, on_frame=stop_older))
        await eventually(
            lambda: world.files[1].state(upload_id), lambda found: found.committed_size >= GRANULE
        )
        second = asyncio.create_task(newer.write(content, on_frame=stop_newer))
        with pytest.raises(RemoteError) as failure:
            await first
        newer_may_go_on.set()

        assert (failure.value.code.name, failure.value.reason) == ("ABORTED", "UPLOAD_PREEMPTED")
        await check(world, await second, content)
