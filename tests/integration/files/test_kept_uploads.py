"""What is kept of uploads: all of it, sealed, or nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from tests.integration.files.kept_world import DROPPED, KeptWorld, content_of, refusal
from tests.support.files import FRAME, GRANULE, frames_of, noise, sha256
from tests.support.waiting import eventually

MIB = 1024 * 1024


async def check_kept(kept: KeptWorld, upload: pb.Upload, content: bytes) -> None:
    assert upload.state == pb.Upload.STATE_FINALIZED
    assert upload.file.stored
    name = upload.file.name
    assert await kept.sim.file_sha256(name) == sha256(content)
    messages = await kept.files.download(name)
    assert content_of(messages) == content
    assert (messages[0].mime_type, messages[0].size_bytes) == (
        upload.file.mime_type,
        len(content),
    )
    assert max(len(message.chunk) for message in messages) <= FRAME
    # The simulator gives no uploaded file back, as Google does not.
    assert not (await kept.sim.counts()).total.by_verb.get("files.download")


@pytest.mark.parametrize("size", [0, 1, GRANULE - 1, GRANULE, GRANULE + 1, 3 * GRANULE + 12_345])
async def test_a_file_of_any_size_is_kept_whole(kept: KeptWorld, size: int) -> None:
    content = noise(size)

    await check_kept(kept, await kept.files.upload(content), content)

    assert len(kept.objects()) == -(-size // GRANULE)


@pytest.mark.parametrize("chunk", [5 * MIB + 17, GRANULE, 11 * MIB, 1_000_003])
async def test_chunks_of_any_size_are_kept_whole(kept: KeptWorld, chunk: int) -> None:
    content = noise(2 * GRANULE + 999)
    upload = await kept.files.create(declared_size=len(content))

    at = 0
    for piece in frames_of(content, chunk):
        at += len(piece)
        upload = await kept.files.write(
            upload, piece, at=at - len(piece), finish=at == len(content)
        )

    await check_kept(kept, upload, content)


@pytest.mark.parametrize(
    "fault",
    [{"kind": "drop", "after_bytes": 3 * MIB}, {"kind": "drop_answer"}, {"kind": "internal"}],
)
@pytest.mark.parametrize("verb", ["upload.upload", "upload.finalize"])
async def test_faults_of_the_upstream_leave_no_gap(
    kept: KeptWorld, verb: str, fault: dict[str, object]
) -> None:
    content = noise(3 * GRANULE + 5)
    await kept.sim.add_fault(verb=verb, count=2, **fault)  # type: ignore[arg-type]

    await check_kept(kept, await kept.files.upload(content), content)


async def test_nothing_readable_lies_anywhere(kept: KeptWorld) -> None:
    content = b"the quick brown fox jumps over the lazy dog " * 400_000
    await check_kept(kept, await kept.files.upload(content), content)

    kept_bytes = b"".join(path.read_bytes() for path in kept.objects())
    assert len(kept_bytes) > len(content)
    for where in (kept_bytes, await kept.dump()):
        assert b"brown fox" not in where
        assert not [secret for secret in kept.keys.values() if secret.encode() in where]


async def test_a_writer_that_is_killed_leaves_no_gap(kept: KeptWorld) -> None:
    content = noise(4 * GRANULE + 77)
    upload = await kept.files.create(declared_size=len(content))
    going = asyncio.Event()
    async with kept.replica_process() as (other, process):

        async def requests() -> AsyncIterator[pb.WriteUploadRequest]:
            yield pb.WriteUploadRequest(
                begin=pb.WriteUploadRequest.Begin(upload_id=upload.upload_id)
            )
            for piece in frames_of(content[: 3 * GRANULE + FRAME]):
                yield pb.WriteUploadRequest(chunk=piece)
            await going.wait()

        # Google has a granule more than was committed: its answer never comes.
        await kept.sim.add_fault("drop_answer", verb="upload.upload")
        await kept.sim.add_fault("delay", verb="upload.query", delay_seconds=30)
        writing = asyncio.create_task(other.stream(requests()))
        await eventually(
            kept.sim.counts,
            lambda counts: counts.total.by_status.get("dropped", 0) == 1,
        )
        process.kill()
        await asyncio.gather(writing, return_exceptions=True)

    committed = (await kept.files.state(upload)).committed_size
    assert committed == 0
    requests_before = (await kept.sim.counts()).total.by_verb["upload.upload"]
    await kept.sim.clear_faults()
    upload = await kept.files.write(upload, content[committed:], at=committed, finish=True)

    # That granule was not sent again, so what is kept of it is the dead writer's.
    sent = (await kept.sim.counts()).total.by_verb["upload.upload"] - requests_before
    assert sent == 3
    await check_kept(kept, upload, content)


async def test_a_store_that_fails_costs_an_upload_nothing(
    kept: KeptWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    content = noise(3 * GRANULE + 5)
    upload = await kept.files.create()
    await kept.files.write(upload, content[: 2 * GRANULE])
    assert len(kept.objects()) == 2
    aside = kept.folder.with_name("aside")
    kept.folder.rename(aside)
    kept.folder.write_text("a file where a folder was")

    upload = await kept.files.write(upload, content[2 * GRANULE :], at=2 * GRANULE, finish=True)

    assert upload.state == pb.Upload.STATE_FINALIZED
    assert not upload.file.stored
    assert await kept.sim.file_sha256(upload.file.name) == sha256(content)
    error = await refusal(kept.files.ensure(upload.file.name, kept.other_project(upload.file)))
    assert (error.code.name, error.reason) == ("FAILED_PRECONDITION", "FILE_NOT_STORED")
    assert capsys.readouterr().out.count("goes on without being kept") == 1
    # What had been kept goes once the store is back: it is looked for again in ten minutes.
    kept.folder.unlink()
    aside.rename(kept.folder)
    await kept.make_due()
    await kept.until_empty()


async def test_another_replica_without_a_store_gives_keeping_up(kept: KeptWorld) -> None:
    content = noise(2 * GRANULE + 5)
    upload = await kept.files.create()
    await kept.files.write(upload, content[: GRANULE + 3])

    async with kept.replica(files_store_url="") as other:
        upload = await other.write(upload, content[GRANULE + 3 :], at=GRANULE + 3, finish=True)

    assert upload.state == pb.Upload.STATE_FINALIZED
    assert not upload.file.stored
    await kept.until_empty()


@pytest.mark.parametrize("end", ["cancelled", "failed", "left"])
async def test_nothing_is_kept_of_an_upload_that_becomes_no_file(kept: KeptWorld, end: str) -> None:
    content = noise(GRANULE)
    async with kept.replica(files_upload_ttl_hours=3 / 3600) as other:
        files = other if end == "left" else kept.files
        upload = await files.create(declared_size=2 * GRANULE)
        await files.write(upload, [*frames_of(content), b"x"])
        assert len(kept.objects()) == 1

        match end:
            case "cancelled":
                await files.call("CancelUpload", upload_id=upload.upload_id)
            case "failed":
                failed = await files.write(upload, b"y", at=GRANULE + 1, finish=True)
                assert failed.state == pb.Upload.STATE_FAILED

        await kept.until_empty()


async def test_what_arrives_after_its_file_is_dropped_at_the_second_look(
    kept: KeptWorld,
) -> None:
    upload = await kept.files.upload(noise(10))
    [late] = kept.objects()
    content = late.read_bytes()
    await kept.files.delete(upload.file.name)
    await kept.until_empty()
    late.parent.mkdir(exist_ok=True)
    late.write_bytes(content)

    await kept.make_due()

    await kept.until_empty()

    async def remembered() -> int:
        async with kept.redis() as redis:
            return int(await redis.zcard(DROPPED))

    await eventually(remembered, lambda count: count == 0)


async def test_a_part_that_was_changed_is_never_passed_off(kept: KeptWorld) -> None:
    upload = await kept.files.upload(noise(2 * GRANULE))
    _, second = kept.objects()
    spoiled = bytearray(second.read_bytes())
    spoiled[-1] ^= 1
    second.write_bytes(spoiled)

    error = await refusal(kept.files.download(upload.file.name))

    assert (error.code.name, error.reason) == ("UNAVAILABLE", "KEPT_BYTES_UNAVAILABLE")


async def test_without_its_bytes_a_file_is_asked_from_google(
    kept: KeptWorld, tmp_path: Path
) -> None:
    upload = await kept.files.upload(noise(10))
    [part] = kept.objects()
    part.unlink()

    error = await refusal(kept.files.download(upload.file.name))

    assert (error.code.name, error.reason) == ("FAILED_PRECONDITION", "UPSTREAM_REFUSED")
