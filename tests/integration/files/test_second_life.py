"""A file in another project than its own: brought there once, whoever asks, whatever breaks."""

import asyncio

import httpx
import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from tests.integration.files.kept_world import KeptWorld, refusal
from tests.support.files import GRANULE, noise, sha256
from tests.support.waiting import eventually


async def starts(kept: KeptWorld) -> int:
    return (await kept.sim.counts()).total.by_verb.get("upload.start", 0)


async def generate(kept: KeptWorld, project_id: str, uri: str) -> int:
    """Cite a file with the key of a project, as the edge does."""
    part = {"fileData": {"fileUri": uri, "mimeType": "text/plain"}}
    async with httpx.AsyncClient(base_url=kept.google_url, trust_env=False) as client:
        answer = await client.post(
            "/v1beta/models/gemini-2.5-flash:generateContent",
            headers={"x-goog-api-key": kept.keys[project_id]},
            json={"contents": [{"parts": [part]}]},
        )
    return answer.status_code


async def named(kept: KeptWorld, content: bytes) -> pb.File:
    """Upload a file with a chosen name, a name for people and a type."""
    body = b'{"file":{"name":"files/chosen","displayName":"Notes","mimeType":"text/plain"}}'
    return (await kept.files.upload(content, start_body=body)).file


async def test_in_its_own_project_a_file_has_its_own_name(kept: KeptWorld) -> None:
    file = await named(kept, b"x")

    found = await kept.files.ensure(file.name, file.project_id)

    assert (found.upstream_name, found.upstream_uri) == (file.name, file.uri)
    assert await starts(kept) == 1


async def test_elsewhere_it_is_the_same_file_under_another_name(kept: KeptWorld) -> None:
    content = noise(2 * GRANULE + 321)
    file = await named(kept, content)
    there = kept.other_project(file)

    found = await kept.files.ensure(file.name, there)

    assert found.upstream_name != file.name
    assert await kept.sim.file_sha256(found.upstream_name) == sha256(content)
    assert await generate(kept, there, found.upstream_uri) == 200
    assert await generate(kept, there, file.uri) == 403
    described = await described_at(kept, there, found.upstream_name)
    assert (described["displayName"], described["mimeType"]) == ("Notes", "text/plain")
    for seen in (await kept.files.file(file.name), *await kept.files.listed()):
        [copy] = seen.copies
        assert (copy.project_id, copy.upstream_name, copy.upstream_uri) == (
            there,
            found.upstream_name,
            found.upstream_uri,
        )
        assert copy.expire_time.seconds >= file.expire_time.seconds
        assert seen.stored
    assert await kept.files.ensure(file.name, there) == found
    assert await starts(kept) == 2


async def test_all_who_ask_at_once_get_one_copy(kept: KeptWorld) -> None:
    file = await named(kept, noise(GRANULE + 1))
    there = kept.other_project(file)
    await kept.sim.add_fault("delay", verb="upload.finalize", delay_seconds=1)

    async with kept.replica() as other:
        asked = [
            (kept.files if number % 2 else other).ensure(file.name, there) for number in range(50)
        ]
        found = await asyncio.gather(*asked)

    assert {(each.upstream_name, each.upstream_uri) for each in found} == {
        (found[0].upstream_name, found[0].upstream_uri)
    }
    assert await starts(kept) == 2


async def test_who_leaves_takes_nothing_from_the_others(kept: KeptWorld) -> None:
    file = await named(kept, noise(GRANULE + 1))
    there = kept.other_project(file)
    await kept.sim.add_fault("delay", verb="upload.finalize", delay_seconds=1)
    first = asyncio.create_task(kept.files.ensure(file.name, there))
    await eventually(lambda: starts(kept), lambda count: count == 2)
    second = asyncio.create_task(kept.files.ensure(file.name, there))

    first.cancel()

    assert (await second).upstream_name
    assert await starts(kept) == 2


async def test_when_the_replica_that_brings_it_is_killed_another_does(kept: KeptWorld) -> None:
    content = noise(GRANULE + 1)
    file = await named(kept, content)
    there = kept.other_project(file)
    await kept.sim.add_fault("delay", verb="upload.finalize", delay_seconds=60)
    async with kept.replica_process() as (other, process):
        first = asyncio.create_task(other.ensure(file.name, there))
        await eventually(lambda: starts(kept), lambda count: count == 2)
        second = asyncio.create_task(kept.files.ensure(file.name, there))
        process.kill()
        await asyncio.gather(first, return_exceptions=True)
        await kept.sim.clear_faults()

        found = await second

    assert await kept.sim.file_sha256(found.upstream_name) == sha256(content)
    assert [copy.upstream_name for copy in (await kept.files.file(file.name)).copies] == [
        found.upstream_name
    ]


async def test_a_dead_owner_does_not_take_a_file_with_it(kept: KeptWorld) -> None:
    file = await named(kept, noise(100))
    there = kept.other_project(file)
    await kept.sim.put_key(kept.keys[file.project_id], state="leaked")
    await kept.pause(file.project_id)

    found = await kept.files.ensure(file.name, there)

    assert await generate(kept, there, found.upstream_uri) == 200


async def test_a_deleted_file_is_gone_in_all_projects_and_from_the_store(kept: KeptWorld) -> None:
    file = await named(kept, noise(100))
    copies = [
        (await kept.files.ensure(file.name, project)).upstream_name
        for project in kept.keys
        if project != file.project_id
    ]
    assert len(copies) == 2

    await kept.files.delete(file.name)

    for name in (file.name, *copies):
        with pytest.raises(Exception, match="404"):
            await kept.sim.file_sha256(name)
    await kept.until_empty()
    error = await refusal(kept.files.ensure(file.name, kept.other_project(file)))
    assert error.reason == "FILE_UNKNOWN"


async def test_a_file_of_a_project_that_cannot_be_used_can_be_deleted(kept: KeptWorld) -> None:
    file = await named(kept, noise(100))
    await kept.files.ensure(file.name, kept.other_project(file))
    for project_id in kept.keys:
        await kept.pause(project_id)

    await kept.files.delete(file.name)

    assert await kept.files.listed() == []
    await kept.until_empty()


async def test_nothing_is_kept_of_a_file_that_has_ended(kept: KeptWorld) -> None:
    await kept.sim.set_clock(-48 * 3600 + 3)
    file = await named(kept, noise(100))
    assert kept.objects()

    await kept.until_empty()

    error = await refusal(kept.files.ensure(file.name, kept.other_project(file)))
    assert error.reason == "FILE_UNKNOWN"


async def test_no_other_client_brings_a_file_anywhere(kept: KeptWorld) -> None:
    file = await named(kept, b"secret")
    bob = kept.files.as_client("bob")

    for project_id in kept.keys:
        error = await refusal(bob.ensure(file.name, project_id))
        assert (error.code.name, error.reason) == ("NOT_FOUND", "FILE_UNKNOWN")
    assert await starts(kept) == 1


async def test_a_project_that_cannot_be_used_is_said_so(kept: KeptWorld) -> None:
    file = await named(kept, b"x")
    there = kept.other_project(file)
    await kept.pause(there)

    error = await refusal(kept.files.ensure(file.name, there))

    assert (error.code.name, error.reason) == ("RESOURCE_EXHAUSTED", "NO_KEY")
    assert error.metadata["refusal"]
    assert await starts(kept) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "internal", "verb": "upload.start"},
        {"kind": "overloaded", "verb": "upload.start"},
        {"kind": "drop", "verb": "upload.upload", "after_bytes": 1000},
        {"kind": "drop_answer", "verb": "upload.finalize"},
        {"kind": "internal", "verb": "upload.finalize"},
    ],
)
async def test_a_fault_of_the_upstream_costs_time_alone(
    kept: KeptWorld, fault: dict[str, object]
) -> None:
    content = noise(2 * GRANULE + 1)
    file = await named(kept, content)
    await kept.sim.add_fault(count=2, **fault)  # type: ignore[arg-type]

    found = await kept.files.ensure(file.name, kept.other_project(file))

    assert await kept.sim.file_sha256(found.upstream_name) == sha256(content)


async def test_kept_bytes_that_are_gone_are_no_second_life(kept: KeptWorld) -> None:
    file = await named(kept, b"x")
    [part] = kept.objects()
    part.unlink()

    error = await refusal(kept.files.ensure(file.name, kept.other_project(file)))

    assert (error.code.name, error.reason) == ("FAILED_PRECONDITION", "FILE_NOT_STORED")


class TestProcessing:
    async def test_a_copy_is_told_once_google_has_done_with_it(self, kept: KeptWorld) -> None:
        file = await named(kept, b"x")
        await kept.sim.set_behaviour(processing_seconds=1)

        found = await kept.files.ensure(file.name, kept.other_project(file))

        described = await described_at(kept, kept.other_project(file), found.upstream_name)
        assert described["state"] == "ACTIVE"

    async def test_one_that_takes_long_is_not_uploaded_again(self, kept: KeptWorld) -> None:
        file = await named(kept, b"x")
        there = kept.other_project(file)
        await kept.sim.set_behaviour(processing_seconds=1000)
        async with kept.replica(files_processing_seconds=0.5) as other:
            error = await refusal(other.ensure(file.name, there))
            assert (error.code.name, error.reason) == ("UNAVAILABLE", "FILE_PROCESSING")
            assert error.retry_delay
            assert not (await other.file(file.name)).copies
            await kept.sim.set_behaviour(processing_seconds=0)

            assert (await other.ensure(file.name, there)).upstream_name

        assert await starts(kept) == 2

    async def test_a_key_that_is_refused_does_not_cost_the_copy(self, kept: KeptWorld) -> None:
        file = await named(kept, b"x")
        there = kept.other_project(file)
        await kept.sim.set_behaviour(processing_seconds=1)
        body = {"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}}
        await kept.sim.add_fault("custom", verb="files.get", status=403, body=body)
        error = await refusal(kept.files.ensure(file.name, there))
        assert (error.code.name, error.reason) == ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE")

        assert (await kept.files.ensure(file.name, there)).upstream_name

        assert await starts(kept) == 2

    async def test_one_that_google_cannot_process_is_an_error(self, kept: KeptWorld) -> None:
        file = await named(kept, b"x")
        await kept.sim.set_behaviour(processing_seconds=1, processing_fails=True)

        error = await refusal(kept.files.ensure(file.name, kept.other_project(file)))

        assert (error.code.name, error.reason) == ("FAILED_PRECONDITION", "FILE_FAILED")
        assert (await kept.sim.counts()).total.by_verb["files.delete"] == 1


async def described_at(kept: KeptWorld, project_id: str, name: str) -> dict[str, str]:
    """Return a file as Google describes it to a key of a project."""
    async with httpx.AsyncClient(base_url=kept.google_url, trust_env=False) as client:
        answer = await client.get(
            f"/v1beta/{name}", headers={"x-goog-api-key": kept.keys[project_id]}
        )
    described: dict[str, str] = answer.json()
    return described
