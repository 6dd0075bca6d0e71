"""Writers that fall silent: their bytes are kept, their memory and their keys are not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.keypool.v1 import admin_pb2

from services.files import metrics
from services.kit.errors import RemoteError
from tests.support.files import FRAME, GRANULE, World, frames_of, noise, running_world, sha256
from tests.support.waiting import eventually

CONTENT = noise(2 * GRANULE + 5 * FRAME)


async def then_silence(upload: pb.Upload, content: bytes) -> AsyncIterator[pb.WriteUploadRequest]:
    """Send bytes, and then nothing more."""
    yield pb.WriteUploadRequest(begin=pb.WriteUploadRequest.Begin(upload_id=upload.upload_id))
    for frame in frames_of(content):
        yield pb.WriteUploadRequest(chunk=frame)
    await asyncio.Event().wait()


async def failure_of(call: object) -> RemoteError:
    with pytest.raises(RemoteError) as failure:
        await call  # type: ignore[misc]
    return failure.value


async def buffered() -> float:
    """Return how much memory bytes on their way take in this process."""
    return sum(sample.value for metric in metrics.BUFFERED.collect() for sample in metric.samples)


@pytest.mark.parametrize("size", [0, 3, FRAME, GRANULE, GRANULE + FRAME, len(CONTENT)])
async def test_what_came_before_the_silence_is_safe(redis_url: str, size: int) -> None:
    async with running_world(redis_url, files_idle_seconds=0.5) as world:
        upload = await world.files.create()

        failure = await failure_of(world.files.stream(then_silence(upload, CONTENT[:size])))

        assert (failure.code.name, failure.reason) == ("ABORTED", "WRITER_SILENT")
        assert str(failure) == "nothing came for 0.5 seconds"
        assert (await world.files.state(upload)).committed_size == size
        await eventually(buffered, lambda size: size == 0)
        listed = await world.keypool.admin.ListKeys(admin_pb2.ListKeysRequest())
        assert sum(key.in_flight_count for key in listed.keys) == 0

        done = await world.files.write(upload, CONTENT[size:], at=size, finish=True)
        assert await world.sim.file_sha256(done.file.name) == sha256(CONTENT)


async def test_a_call_that_says_nothing_at_all_ends(redis_url: str) -> None:
    async def nothing() -> AsyncIterator[pb.WriteUploadRequest]:
        await asyncio.Event().wait()
        yield pb.WriteUploadRequest()

    async with running_world(redis_url, files_idle_seconds=0.5) as world:
        assert (await failure_of(world.files.stream(nothing()))).reason == "WRITER_SILENT"


async def test_a_slow_writer_is_not_a_silent_one(redis_url: str) -> None:
    async def slowly(upload: pb.Upload) -> AsyncIterator[pb.WriteUploadRequest]:
        yield pb.WriteUploadRequest(begin=pb.WriteUploadRequest.Begin(upload_id=upload.upload_id))
        for byte in b"slow":
            await asyncio.sleep(0.4)
            yield pb.WriteUploadRequest(chunk=bytes([byte]))

    async with running_world(redis_url, files_idle_seconds=1.5) as world:
        upload = await world.files.stream(slowly(await world.files.create()))

        assert upload.committed_size == 4


async def test_tails_are_counted(world: World) -> None:
    async def tails() -> float:
        return sum(sample.value for metric in metrics.TAILS.collect() for sample in metric.samples)

    first, second = await world.files.create(), await world.files.create()
    await world.files.write(first, CONTENT[:FRAME])
    await world.files.write(second, CONTENT[:5])

    await eventually(tails, lambda size: size == FRAME + 5)

    await world.files.call("CancelUpload", upload_id=first.upload_id)
    await eventually(tails, lambda size: size == 5)
