"""An upstream that keeps breaking while a large upload runs."""

import asyncio
import contextlib
import random
from typing import Any

import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from tests.support.files import FRAME, GRANULE, World, noise, running_world, sha256
from tests.support.uploading import PatientClient


async def begun(world: World) -> PatientClient:
    return PatientClient([world.files], (await world.files.create()).upload_id)


async def check(world: World, upload: pb.Upload, content: bytes) -> None:
    assert (upload.state, upload.committed_size) == (pb.Upload.STATE_FINALIZED, len(content))
    assert await world.sim.file_sha256(upload.file.name) == sha256(content)


@pytest.mark.parametrize("announce", [True, False])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "after_bytes": 5 * 1024 * 1024},
        {"kind": "drop"},
        {"kind": "drop_answer"},
        {"kind": "overloaded"},
    ],
)
async def test_broken_at_every_third_granule_an_upload_arrives_in_one_write(
    world: World, fault: dict[str, Any], announce: bool
) -> None:
    content = noise(9 * GRANULE + 321)
    await world.sim.add_fault(verb="upload.upload", every=3, count=None, **fault)
    await world.sim.add_fault("internal", verb="upload.query", every=2, count=None)
    client = await begun(world)

    upload = await client.bring(content, announce=announce)

    await check(world, upload, content)
    assert client.failures == []
    [broken, _] = await world.sim.faults()
    assert broken["hits"] >= 3


async def test_an_upstream_that_stays_away_is_told_in_time_and_costs_no_byte(
    redis_url: str,
) -> None:
    content = noise(3 * GRANULE)
    async with running_world(redis_url, files_upstream_seconds=0.5) as world:
        client = await begun(world)
        await world.files.write(client.upload_id, content[:GRANULE], at=0)
        await world.sim.add_fault("overloaded", verb="upload.upload", count=12)

        upload = await client.bring(content, chunk=GRANULE)

        await check(world, upload, content)
        assert {failure.reason for failure in client.failures} == {"UPSTREAM_UNAVAILABLE"}
        assert {failure.code.name for failure in client.failures} == {"UNAVAILABLE"}
        assert all(failure.retry_delay for failure in client.failures)


async def test_a_session_that_google_has_lost_ends_the_upload(world: World) -> None:
    upload = await world.files.create()
    await world.files.write(upload, noise(GRANULE))
    await world.sim.reset()

    upload = await world.files.write(upload, noise(GRANULE), at=GRANULE)

    assert (upload.state, upload.final_http_status) == (pb.Upload.STATE_FAILED, 410)
    assert upload.committed_size == GRANULE


@pytest.mark.parametrize("seed", range(2))
async def test_a_client_cut_again_and_again_goes_on_where_it_was(world: World, seed: int) -> None:
    chance = random.Random(seed)
    content = noise(4 * GRANULE + chance.randrange(GRANULE), seed)
    client = await begun(world)
    cuts = set(chance.sample(range(len(content) // FRAME), 5))
    upload = None

    async def cut(frame: int) -> None:
        if frame in cuts:
            cuts.remove(frame)
            raise asyncio.CancelledError

    while upload is None:
        with contextlib.suppress(asyncio.CancelledError):
            upload = await client.bring(content, on_frame=cut)

    await check(world, upload, content)
    assert not cuts


async def test_a_start_refused_at_length_is_answered_as_it_was(world: World) -> None:
    body = {"error": {"code": 400, "message": "m" * 20_000, "status": "INVALID_ARGUMENT"}}
    await world.sim.add_fault("custom", verb="upload.start", status=400, body=body)

    upload = await world.files.upload(noise(10))

    assert (upload.state, upload.final_http_status) == (pb.Upload.STATE_FAILED, 400)
    assert len(upload.final_body) > 20_000
