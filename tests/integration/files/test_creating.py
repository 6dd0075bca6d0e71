"""What may be uploaded: names, sizes, types, and repeated requests."""

import json
from typing import Any

import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from services.kit.errors import RemoteError
from tests.support.files import World, noise


async def refusal(call: Any) -> tuple[str, str]:
    with pytest.raises(RemoteError) as failure:
        await call
    return failure.value.code.name, failure.value.reason


@pytest.mark.parametrize(
    "fields",
    [
        {"start_body": b"[]"},
        {"start_body": b"{"},
        {"start_body": b'{"file":[]}'},
        {"start_body": b'{"file":{"name":"files/UPPER"}}'},
        {"start_body": b'{"file":{"name":"x"}}'},
        {"start_body": b'{"file":{"name":"files/' + b"a" * 41 + b'"}}'},
        {"start_body": b'{"file":{"displayName":5}}'},
        {"start_body": b'{"file":{"mime_type":"nonsense"}}'},
        {"start_body": b'{"file":{"sizeBytes":"-1"}}'},
        {"start_body": b'{"file":{"size_bytes":1e30}}'},
        {"start_body": b'{"file":{"size_bytes":99999999999999999999}}'},
        {"mime_type": "image/png\r\nx: y"},
        {"declared_size": -1},
        {"path": "upload/../v1beta/files"},
        {"path": "v1beta/files"},
        {"path": "upload/v1beta/files?key=x"},
        {"request_id": "a b"},
        {"pool": "a/b"},
        {"client_id": "a b"},
    ],
)
async def test_what_cannot_be_meant_is_refused_and_costs_nothing(
    world: World, fields: dict[str, Any]
) -> None:
    call = world.files.create(**fields)

    assert await refusal(call) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert (await world.sim.counts()).total.requests == 0


async def test_nothing_goes_to_google_before_the_first_byte(world: World) -> None:
    await world.files.create(start_body=b'{"file":{"name":"files/mine"}}')

    assert (await world.sim.counts()).total.requests == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"declared_size": 2 * 1024**3 + 1},
        {"start_body": b'{"file":{"sizeBytes":"2147483649"}}'},
    ],
)
async def test_more_than_google_takes_is_refused_at_once(
    world: World, fields: dict[str, Any]
) -> None:
    assert await refusal(world.files.create(**fields)) == ("OUT_OF_RANGE", "FILE_TOO_LARGE")


async def test_the_body_goes_to_google_as_it_came(world: World) -> None:
    body = b'{"file": {"display_name": "a.png", "new_field": [1]}, "other": 2}'
    upload = await world.files.create(start_body=body, mime_type="image/png")

    await world.files.write(upload, b"x", finish=True)

    [start] = [each for each in await world.sim.requests() if each.verb == "upload.start"]
    sent = json.loads(start.body)
    assert sent["other"] == 2
    assert sent["file"] == {"display_name": "a.png", "new_field": [1], "mimeType": "image/png"}
    assert start.header("x-goog-upload-header-content-type") == "image/png"
    assert start.header("x-goog-upload-header-content-length") == "1"
    assert start.header("x-goog-upload-protocol") == "resumable"
    assert start.query == ""


async def test_a_chosen_name_is_the_files(world: World) -> None:
    upload = await world.files.create(start_body=b'{"file":{"name":"files/mine"}}')

    assert (await world.files.write(upload, b"x", finish=True)).file.name == "files/mine"


async def test_a_taken_name_is_refused_to_all(world: World) -> None:
    body = b'{"file":{"name":"files/mine"}}'
    await world.files.create(start_body=body)

    for client in ("ada", "bob"):
        call = world.files.as_client(client).create(start_body=body)
        assert await refusal(call) == ("ALREADY_EXISTS", "NAME_TAKEN")


async def test_a_cancelled_upload_gives_its_name_back(world: World) -> None:
    body = b'{"file":{"name":"files/mine"}}'
    first = await world.files.create(start_body=body)

    await world.files.call("CancelUpload", upload_id=first.upload_id)

    second = await world.files.as_client("bob").create(start_body=body)
    assert (await world.files.write(second, b"x", finish=True)).file.name == "files/mine"


@pytest.mark.parametrize("body", [b"", b'{"file":{"name":"files/mine"}}'])
async def test_a_repeated_request_makes_one_upload(world: World, body: bytes) -> None:
    first = await world.files.create(start_body=body, request_id="r1")
    again = await world.files.create(start_body=body, request_id="r1")
    other = await world.files.as_client("bob").create(request_id="r1")

    assert first.upload_id == again.upload_id
    assert other.upload_id != first.upload_id
    assert len(first.upload_id) >= 43


async def test_a_cancelled_upload_takes_nothing_more(world: World) -> None:
    upload = await world.files.create()
    await world.files.write(upload, noise(9 * 1024 * 1024))

    for _ in range(2):
        cancelled = (await world.files.call("CancelUpload", upload_id=upload.upload_id)).upload
        assert cancelled.state == pb.Upload.STATE_CANCELLED

    assert await refusal(world.files.write(upload, b"x", at=9 * 1024 * 1024)) == (
        "FAILED_PRECONDITION",
        "UPLOAD_CANCELLED",
    )
    assert (await world.sim.counts()).total.by_verb["upload.cancel"] == 1


async def test_a_finished_upload_cannot_be_cancelled_or_go_on(world: World) -> None:
    upload = await world.files.upload(b"abc")

    finished = ("FAILED_PRECONDITION", "UPLOAD_FINALIZED")
    call = world.files.call("CancelUpload", upload_id=upload.upload_id)
    assert await refusal(call) == finished
    assert await refusal(world.files.write(upload, b"d", at=3)) == finished
    assert await refusal(world.files.write(upload, b"d", at=3, finish=True)) == finished


@pytest.mark.parametrize("upload_id", ["x", "é", "a" * 256])
async def test_an_unknown_upload_is_told_so(world: World, upload_id: str) -> None:
    unknown = ("NOT_FOUND", "UPLOAD_UNKNOWN")

    assert await refusal(world.files.write(upload_id, b"x")) == unknown
    for method in ("GetUpload", "CancelUpload"):
        assert await refusal(world.files.call(method, upload_id=upload_id)) == unknown


async def test_an_upload_does_not_tell_of_a_file_that_has_its_name_now(world: World) -> None:
    body = b'{"file":{"name":"files/mine"}}'
    upload = await world.files.upload(b"ada's", start_body=body)
    await world.files.delete("files/mine")
    await world.files.as_client("bob").upload(b"bob's own", start_body=body)

    upload = await world.files.state(upload)

    assert upload.state == pb.Upload.STATE_FINALIZED
    assert not upload.HasField("file")
