"""What breaks while bytes are on their way, and what its writer sees of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from services.kit.errors import RemoteError
from tests.support.files import FRAME, GRANULE, World, frames_of, noise, sha256
from tests.support.waiting import eventually


async def finalized(world: World, upload: pb.Upload, content: bytes) -> None:
    assert upload.state == pb.Upload.STATE_FINALIZED
    assert await world.sim.file_sha256(upload.file.name) == sha256(content)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "internal"},
        {"kind": "overloaded"},
        {"kind": "drop"},
        {"kind": "drop_answer"},
        {"kind": "drop", "after_bytes": 3 * 1024 * 1024},
        {"kind": "custom", "status": 408},
        {"kind": "rate_limit_bare"},
    ],
)
@pytest.mark.parametrize("verb", ["upload.start", "upload.upload", "upload.finalize"])
async def test_a_fault_of_the_upstream_costs_time_alone(
    world: World, fault: dict[str, object], verb: str
) -> None:
    content = noise(3 * GRANULE + 5)
    await world.sim.add_fault(verb=verb, count=2, **fault)  # type: ignore[arg-type]

    upload = await world.files.upload(content)

    await finalized(world, upload, content)


async def test_a_query_that_fails_is_asked_again(world: World) -> None:
    content = noise(2 * GRANULE)
    await world.sim.add_fault("drop", verb="upload.upload", after_bytes=100)
    await world.sim.add_fault("internal", verb="upload.query", count=3)

    await finalized(world, await world.files.upload(content), content)


async def test_what_google_refuses_for_good_fails_with_its_answer(world: World) -> None:
    upload = await world.files.create(declared_size=10)

    upload = await world.files.write(upload, b"short", finish=True)

    assert upload.state == pb.Upload.STATE_FAILED
    assert upload.final_http_status == 400
    assert b"10 were announced" in upload.final_body
    assert upload.final_content_type.startswith("application/json")
    again = await world.files.write(upload, b"0123456789", finish=True)
    assert (again.state, again.final_body) == (upload.state, upload.final_body)


async def test_a_chunk_that_is_repeated_counts_once(world: World) -> None:
    content = noise(2 * GRANULE + 1000)
    upload = await world.files.create()
    for _ in range(2):
        upload = await world.files.write(upload, content[:GRANULE])
        assert upload.committed_size == GRANULE
    for _ in range(2):
        upload = await world.files.write(upload, content[GRANULE : GRANULE + 500], at=GRANULE)
        assert upload.committed_size == GRANULE + 500

    for _ in range(2):
        upload = await world.files.write(upload, content[GRANULE:], at=GRANULE, finish=True)
        await finalized(world, upload, content)


async def test_a_gap_is_refused_with_the_true_size(world: World) -> None:
    upload = await world.files.create()
    await world.files.write(upload, b"abc")

    with pytest.raises(RemoteError) as failure:
        await world.files.write(upload, b"xyz", at=4)

    assert (failure.value.code.name, failure.value.reason) == ("ABORTED", "UPLOAD_OFFSET_MISMATCH")
    assert failure.value.metadata == {"committedSize": "3"}
    assert (await world.files.state(upload)).committed_size == 3


async def test_the_newest_writer_wins(world: World) -> None:
    content = noise(3 * GRANULE)
    upload = await world.files.create()
    going = asyncio.Event()

    async def slowly() -> AsyncIterator[pb.WriteUploadRequest]:
        yield pb.WriteUploadRequest(begin=pb.WriteUploadRequest.Begin(upload_id=upload.upload_id))
        for piece in frames_of(content[: GRANULE + FRAME]):
            yield pb.WriteUploadRequest(chunk=piece)
        await going.wait()
        for piece in frames_of(content[GRANULE + FRAME :]):
            yield pb.WriteUploadRequest(chunk=piece)

    older = asyncio.create_task(world.files.stream(slowly()))
    await eventually(lambda: world.files.state(upload), lambda found: found.committed_size > 0)

    newer = await world.files.write(upload, content, finish=True)

    going.set()
    with pytest.raises(RemoteError) as failure:
        await older
    assert failure.value.reason in {"UPLOAD_PREEMPTED", "UPLOAD_FINALIZED"}
    await finalized(world, newer, content)


async def test_a_client_that_leaves_goes_on_where_it_was(world: World) -> None:
    content = noise(2 * GRANULE + 7)
    upload = await world.files.create()
    never = asyncio.Event()

    async def broken() -> AsyncIterator[pb.WriteUploadRequest]:
        yield pb.WriteUploadRequest(begin=pb.WriteUploadRequest.Begin(upload_id=upload.upload_id))
        for piece in frames_of(content[: GRANULE + 3 * FRAME]):
            yield pb.WriteUploadRequest(chunk=piece)
        await never.wait()

    write = asyncio.create_task(world.files.stream(broken()))
    found = await eventually(
        lambda: world.files.state(upload), lambda found: found.committed_size > 0
    )
    write.cancel()

    assert found.committed_size == GRANULE
    upload = await world.files.write(upload, content[GRANULE:], at=GRANULE, finish=True)
    await finalized(world, upload, content)


async def test_a_pool_at_its_limit_says_when_to_come_again(world: World) -> None:
    await world.sim.add_fault("rate_limit_bare", verb="upload.start", count=None)
    upload = await world.files.create()

    # The first write tries every key, the second none.
    for _ in range(2):
        with pytest.raises(RemoteError) as caught:
            await world.files.write(upload, b"bytes", finish=True)

        assert caught.value.reason == "NO_KEY"
        assert caught.value.metadata["refusal"] == "QUOTA"
        assert caught.value.retry_delay is not None
        assert 0 < caught.value.retry_delay.total_seconds() < 3600
