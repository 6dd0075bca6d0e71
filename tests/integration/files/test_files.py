"""Files that were made: each read, listed and deleted by its owner alone."""

import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from services.kit.errors import RemoteError
from tests.support.files import World, noise


async def refusal(call: object) -> tuple[str, str]:
    with pytest.raises(RemoteError) as failure:
        await call  # type: ignore[misc]
    return failure.value.code.name, failure.value.reason


async def test_a_file_is_described_as_google_does(world: World) -> None:
    body = b'{"file":{"display_name":"notes.txt","size_bytes":5}}'
    upload = await world.files.create(start_body=body)
    assert upload.declared_size == 5

    made = (await world.files.write(upload, b"hello", finish=True)).file

    assert (made.display_name, made.mime_type, made.size_bytes) == ("notes.txt", "text/plain", 5)
    assert made.client_id == "ada"
    assert made.uri.endswith(made.name)
    assert await world.files.file(made.name) == made


async def test_no_other_client_sees_a_file(world: World) -> None:
    name = (await world.files.upload(b"secret")).file.name
    bob = world.files.as_client("bob")

    assert await refusal(bob.file(name)) == ("NOT_FOUND", "FILE_UNKNOWN")
    assert await refusal(bob.delete(name)) == ("NOT_FOUND", "FILE_UNKNOWN")
    assert await bob.listed() == []
    # A caller without `act-as` is its own client, whatever it says.
    batch = world.files.as_client("ada", caller="batch-job")
    assert await refusal(batch.file(name)) == ("NOT_FOUND", "FILE_UNKNOWN")
    assert (await world.files.file(name)).name == name


async def test_pages_hold_every_file_once_newest_first(world: World) -> None:
    names = [(await world.files.upload(noise(3, seed))).file.name for seed in range(7)]

    found: list[str] = []
    token = ""
    while True:
        page = await world.files.call("ListFiles", client_id="ada", page_size=3, page_token=token)
        assert len(page.files) <= 3
        found += [file.name for file in page.files]
        token = page.next_page_token
        if not token:
            break

    assert found == names[::-1]


@pytest.mark.parametrize(
    "fields",
    [{"page_size": -1}, {"page_size": 101}, {"page_token": "x"}, {"page_token": "WyJhIiwiYiJd"}],
)
async def test_a_page_that_cannot_be_is_refused(world: World, fields: dict[str, object]) -> None:
    assert await refusal(world.files.listed(**fields)) == ("INVALID_ARGUMENT", "INVALID_REQUEST")


async def test_a_deleted_file_is_gone_everywhere(world: World) -> None:
    name = (await world.files.upload(b"x")).file.name

    await world.files.delete(name)

    assert await world.files.listed() == []
    assert await refusal(world.files.file(name)) == ("NOT_FOUND", "FILE_UNKNOWN")
    assert await refusal(world.files.delete(name)) == ("NOT_FOUND", "FILE_UNKNOWN")
    assert (await world.sim.counts()).total.by_verb["files.delete"] == 1
    with pytest.raises(Exception, match="404"):
        await world.sim.file_sha256(name)


async def test_a_file_that_is_gone_upstream_can_be_deleted(world: World) -> None:
    name = (await world.files.upload(b"x")).file.name
    await world.sim.set_clock(49 * 3600)

    await world.files.delete(name)

    assert await refusal(world.files.file(name)) == ("NOT_FOUND", "FILE_UNKNOWN")


async def test_uploads_of_one_client_go_to_one_project(world: World) -> None:
    made = [(await world.files.upload(noise(10, seed))).file for seed in range(4)]

    assert len({file.project_id for file in made}) == 1


async def test_a_download_that_fails_at_first_is_tried_again(world: World) -> None:
    upload = await world.files.upload(noise(10))
    await world.sim.add_fault("overloaded", verb="files.download")

    # What was uploaded Google gives to nobody, but only the second try is told so.
    refused = await refusal(world.files.download(upload.file.name))

    assert refused == ("FAILED_PRECONDITION", "UPSTREAM_REFUSED")
    assert (await world.sim.counts()).total.by_verb["files.download"] == 2


class TestPurpose:
    async def test_it_is_kept_and_told(self, world: World) -> None:
        made = (await world.files.upload(b"x")).file
        assert made.purpose == ""

        await world.files.call("UpdateFile", name=made.name, client_id="ada", purpose="user_data")

        assert (await world.files.file(made.name)).purpose == "user_data"
        assert [file.purpose for file in await world.files.listed()] == ["user_data"]

    async def test_it_outlives_what_google_tells_anew(self, world: World) -> None:
        await world.sim.set_behaviour(processing_seconds=3600)
        name = (await world.files.upload(b"x")).file.name
        await world.files.call("UpdateFile", name=name, client_id="ada", purpose="vision")
        await world.sim.set_behaviour(processing_seconds=0)

        found = await world.files.file(name)

        assert (found.state, found.purpose) == (pb.File.STATE_ACTIVE, "vision")

    async def test_no_other_client_changes_it(self, world: World) -> None:
        name = (await world.files.upload(b"x")).file.name

        bob = world.files.call("UpdateFile", name=name, client_id="bob", purpose="vision")

        assert await refusal(bob) == ("NOT_FOUND", "FILE_UNKNOWN")
        assert (await world.files.file(name)).purpose == ""

    @pytest.mark.parametrize("purpose", ["a b", "A", "a" * 65, "a\n"])
    async def test_what_is_no_purpose_is_refused(self, world: World, purpose: str) -> None:
        name = (await world.files.upload(b"x")).file.name

        call = world.files.call("UpdateFile", name=name, client_id="ada", purpose=purpose)

        assert await refusal(call) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
