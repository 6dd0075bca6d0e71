"""A replica that is told to end: uploads go on at another one, without a byte lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from services.kit.errors import RemoteError
from tests.support.files import FRAME, GRANULE, frames_of, noise, sha256
from tests.support.files_process import Replicas, running_replicas
from tests.support.uploading import PatientClient
from tests.support.waiting import eventually

CONTENT = noise(6 * GRANULE + 12_345)


async def begun(world: Replicas) -> PatientClient:
    return PatientClient(world.files, (await world.files[0].create()).upload_id)


async def check(world: Replicas, upload: pb.Upload) -> None:
    assert (upload.state, upload.committed_size) == (pb.Upload.STATE_FINALIZED, len(CONTENT))
    assert await world.sim.file_sha256(upload.file.name) == sha256(CONTENT)


@pytest.mark.parametrize("frame", [1, GRANULE // FRAME, 3 * GRANULE // FRAME + 5])
async def test_an_upload_goes_on_at_another_replica(tmp_path: Path, frame: int) -> None:
    async with running_replicas(tmp_path, 2, drain_seconds=30) as world:
        client = await begun(world)
        process = world.services[0].process
        assert process is not None

        async def end(number: int) -> None:
            if number == frame:
                world.services[0].terminate()

        upload = await client.bring(CONTENT, on_frame=end)

        await check(world, upload)
        [failure] = client.failures
        assert (failure.code.name, failure.reason) == ("UNAVAILABLE", "SERVICE_ENDS")
        assert failure.retry_delay is not None
        # Well before it would have to.
        assert await asyncio.to_thread(process.wait, 15) == 0


class HeldWriter:
    """Sends so many bytes, and the rest when it is told to."""

    def __init__(self, upload_id: str, size: int) -> None:
        self.upload_id = upload_id
        self.size = size
        self.is_out = asyncio.Event()
        self.go_on = asyncio.Event()

    async def frames(self) -> AsyncIterator[pb.WriteUploadRequest]:
        yield pb.WriteUploadRequest(begin=pb.WriteUploadRequest.Begin(upload_id=self.upload_id))
        for frame in frames_of(CONTENT[: self.size]):
            yield pb.WriteUploadRequest(chunk=frame)
        self.is_out.set()
        await self.go_on.wait()
        for frame in frames_of(CONTENT[self.size :]):
            yield pb.WriteUploadRequest(chunk=frame)
        yield pb.WriteUploadRequest(finish=pb.WriteUploadRequest.Finish())


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        # Between granules a writer stops at once.
        (GRANULE, lambda safe: safe == GRANULE),
        # In the middle of one it may go on for a while; then what it had sent is kept.
        (2 * GRANULE + 3 * FRAME, lambda safe: safe == 2 * GRANULE + 3 * FRAME),
    ],
)
async def test_a_writer_that_waits_is_sent_away_with_its_bytes_kept(
    tmp_path: Path, size: int, expected: Callable[[int], bool]
) -> None:
    async with running_replicas(tmp_path, 2, drain_seconds=2) as world:
        client = await begun(world)
        writer = HeldWriter(client.upload_id, size)
        writing = asyncio.create_task(world.files[0].stream(writer.frames()))
        await writer.is_out.wait()
        # All of it has arrived: whole granules lie at Google, but for the last one.
        before = size // GRANULE * GRANULE - GRANULE
        await eventually(
            lambda: world.files[1].state(client.upload_id),
            lambda found: found.committed_size >= before,
        )

        process = world.services[0].terminate()
        with pytest.raises(RemoteError) as failure:
            await writing

        assert failure.value.reason == "SERVICE_ENDS"
        assert expected((await world.files[1].state(client.upload_id)).committed_size)
        assert await asyncio.to_thread(process.wait, 10) == 0
        await check(world, await PatientClient(world.files[1:], client.upload_id).bring(CONTENT))


async def test_a_small_upload_comes_to_its_end(tmp_path: Path) -> None:
    async with running_replicas(tmp_path, 1, drain_seconds=10) as world:
        client = await begun(world)
        content = CONTENT[: 3 * FRAME]

        async def end(number: int) -> None:
            if number == 2:
                # In the middle of a granule: between two, a writer stops at once.
                await eventually(
                    lambda: world.services[0].metric("files_written_bytes_total"), bool
                )
                world.services[0].terminate()
                await eventually(world.services[0].is_ready, lambda ready: not ready)

        upload = await client.write(content, on_frame=end)

        assert upload.state == pb.Upload.STATE_FINALIZED
        assert await world.sim.file_sha256(upload.file.name) == sha256(content)
