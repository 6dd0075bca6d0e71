import base64
import hashlib
from typing import Any

import httpx
import pytest

from services.simulator.control import SimulatorControl
from services.simulator.uploads import GRANULE
from tests.integration.simulator.asking import COUNT, GENERATE, ask, until
from tests.integration.simulator.conftest import ALPHA

UPLOAD = "/upload/v1beta/files"
TEXT = b"some bytes"


async def start(
    client: httpx.AsyncClient, *, size: int | None = None, path: str = UPLOAD, **file: Any
) -> httpx.Response:
    headers = {
        "X-Goog-Upload-Protocol": "resumable",
        "X-Goog-Upload-Command": "start",
        "X-Goog-Upload-Header-Content-Type": "text/plain",
    }
    if size is not None:
        headers["X-Goog-Upload-Header-Content-Length"] = str(size)
    return await client.post(path, headers=headers, json={"file": file})


async def send(
    client: httpx.AsyncClient, url: str, command: str, *, offset: int | None = 0, data: bytes = b""
) -> httpx.Response:
    headers = {"X-Goog-Upload-Command": command}
    if offset is not None:
        headers["X-Goog-Upload-Offset"] = str(offset)
    return await client.post(url, headers=headers, content=data)


async def session(client: httpx.AsyncClient, **options: Any) -> str:
    response = await start(client, **options)
    assert response.status_code == 200
    return response.headers["x-goog-upload-url"]


async def upload(client: httpx.AsyncClient, data: bytes = TEXT, **file: Any) -> dict[str, Any]:
    response = await send(client, await session(client, **file), "upload, finalize", data=data)
    assert response.status_code == 200
    stored: dict[str, Any] = response.json()["file"]
    return stored


async def received(client: httpx.AsyncClient, url: str) -> int:
    response = await send(client, url, "query", offset=None)
    assert response.status_code == 200
    return int(response.headers["x-goog-upload-size-received"])


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_an_upload_in_one_chunk(
    alpha: httpx.AsyncClient, nobody: httpx.AsyncClient, control: SimulatorControl, version: str
) -> None:
    opened = await start(
        alpha, size=len(TEXT), path=f"/upload/{version}/files", displayName="notes"
    )
    url = opened.headers["x-goog-upload-url"]
    done = await send(nobody, url, "upload, finalize", data=TEXT)

    assert (opened.status_code, opened.content) == (200, b"")
    assert opened.headers["content-type"] == "text/plain; charset=utf-8"
    assert opened.headers["x-goog-upload-status"] == "active"
    assert opened.headers["x-goog-upload-chunk-granularity"] == "8388608"
    assert opened.headers["x-goog-upload-control-url"] == url
    assert "&upload_protocol=resumable" in url
    assert ALPHA not in url
    assert done.headers["x-goog-upload-status"] == "final"
    file = done.json()["file"]
    assert file["displayName"] == "notes"
    assert file["sizeBytes"] == str(len(TEXT))
    assert file["mimeType"] == "text/plain"
    assert (file["state"], file["source"]) == ("ACTIVE", "UPLOADED")
    assert base64.b64decode(file["sha256Hash"]) == hashlib.sha256(TEXT).digest()
    assert file["uri"].endswith(f"/{file['name']}")
    assert (await alpha.get(f"/{version}/{file['name']}")).json() == file
    assert await control.file_sha256(file["name"]) == hashlib.sha256(TEXT).hexdigest()


async def test_an_upload_in_several_chunks(alpha: httpx.AsyncClient) -> None:
    data = b"0123456789abcdef" * (GRANULE // 16) * 2 + b"tail"
    url = await session(alpha, size=len(data))

    first = await send(alpha, url, "upload", data=data[:GRANULE])
    assert await received(alpha, url) == GRANULE
    second = await send(alpha, url, "UPLOAD", offset=GRANULE, data=data[GRANULE : 2 * GRANULE])
    last = await send(alpha, url, "upload,finalize", offset=2 * GRANULE, data=data[2 * GRANULE :])

    for chunk in (first, second):
        assert (chunk.status_code, chunk.content) == (200, b"")
        assert chunk.headers["x-goog-upload-status"] == "active"
    file = last.json()["file"]
    assert base64.b64decode(file["sha256Hash"]) == hashlib.sha256(data).digest()


@pytest.mark.parametrize("command", ["finalize", "upload, finalize"])
async def test_an_upload_may_be_finalized_by_an_empty_request(
    alpha: httpx.AsyncClient, command: str
) -> None:
    url = await session(alpha)
    await send(alpha, url, "upload", data=bytes(GRANULE))

    done = await send(alpha, url, command, offset=GRANULE)

    assert done.json()["file"]["sizeBytes"] == str(GRANULE)


async def test_an_empty_file(alpha: httpx.AsyncClient) -> None:
    assert (await upload(alpha, b"", size=0))["sizeBytes"] == "0"


async def test_a_key_in_the_query_is_repeated_in_the_url(nobody: httpx.AsyncClient) -> None:
    opened = await start(nobody, path=f"{UPLOAD}?key={ALPHA}")

    assert f"&key={ALPHA}" in opened.headers["x-goog-upload-url"]


async def test_a_wrong_offset_is_a_conflict(alpha: httpx.AsyncClient) -> None:
    url = await session(alpha)
    await send(alpha, url, "upload", data=bytes(GRANULE))

    wrong = await send(alpha, url, "upload, finalize", offset=5, data=TEXT)
    right = await send(alpha, url, "upload, finalize", offset=GRANULE, data=TEXT)

    assert (wrong.status_code, wrong.headers["x-goog-upload-status"]) == (409, "active")
    assert wrong.headers["x-goog-upload-size-received"] == str(GRANULE)
    assert right.json()["file"]["sizeBytes"] == str(GRANULE + len(TEXT))


async def test_a_chunk_that_is_no_multiple_is_refused(alpha: httpx.AsyncClient) -> None:
    url = await session(alpha)

    known = await send(alpha, url, "upload", data=TEXT)

    async def pieces() -> Any:
        yield TEXT

    headers = {"X-Goog-Upload-Command": "upload", "X-Goog-Upload-Offset": "0"}
    unknown = await alpha.post(url, headers=headers, content=pieces())

    assert [each.status_code for each in (known, unknown)] == [400, 400]
    assert known.headers["x-goog-upload-status"] == "active"
    assert await received(alpha, url) == 0


async def test_a_query_after_the_end_repeats_the_result(alpha: httpx.AsyncClient) -> None:
    url = await session(alpha)
    done = await send(alpha, url, "upload, finalize", data=TEXT)

    again = await send(alpha, url, "query", offset=None)
    more = await send(alpha, url, "upload, finalize", data=TEXT)
    cancelled = await send(alpha, url, "cancel", offset=None)

    assert (again.status_code, again.json()) == (200, done.json())
    assert again.headers["x-goog-upload-status"] == "final"
    assert (more.status_code, more.headers["x-goog-upload-status"]) == (400, "final")
    assert cancelled.status_code == 400


async def test_a_cancelled_upload_is_gone(alpha: httpx.AsyncClient) -> None:
    url = await session(alpha)

    cancelled = await send(alpha, url, "cancel", offset=None)

    assert (cancelled.status_code, cancelled.headers["x-goog-upload-status"]) == (200, "cancelled")
    for command, status in [("query", 410), ("upload", 410), ("finalize", 400)]:
        after = await send(alpha, url, command)
        assert (after.status_code, after.headers["x-goog-upload-status"]) == (status, "cancelled")


async def test_an_unknown_session_is_not_found(nobody: httpx.AsyncClient) -> None:
    url = f"{UPLOAD}?upload_id=nothing&upload_protocol=resumable"

    response = await send(nobody, url, "query")

    assert response.status_code == 404
    assert "x-goog-upload-status" not in response.headers


async def test_another_size_than_announced_is_final(alpha: httpx.AsyncClient) -> None:
    url = await session(alpha, size=3)

    response = await send(alpha, url, "upload, finalize", data=TEXT)

    assert (response.status_code, response.headers["x-goog-upload-status"]) == (400, "final")


@pytest.mark.parametrize("command", ["", "dance"])
async def test_an_unknown_command_is_refused(alpha: httpx.AsyncClient, command: str) -> None:
    assert (await send(alpha, await session(alpha), command)).status_code == 400


async def test_the_start_needs_a_key(nobody: httpx.AsyncClient) -> None:
    assert (await start(nobody)).status_code == 403


async def test_whole_granules_of_a_broken_chunk_are_kept(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    data = b"x" * GRANULE + b"y" * GRANULE
    url = await session(alpha)
    await control.add_fault("drop", verb="upload.finalize", after_bytes=GRANULE + 1000)

    with pytest.raises((httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)):
        await send(alpha, url, "upload, finalize", data=data)

    async def has_ended() -> bool:
        return (await control.counts()).open == 0

    await until(has_ended)
    assert await received(alpha, url) == GRANULE
    done = await send(alpha, url, "upload, finalize", offset=GRANULE, data=data[GRANULE:])
    digest = base64.b64decode(done.json()["file"]["sha256Hash"])
    assert digest == hashlib.sha256(data).digest()


async def test_a_lost_answer_to_the_last_chunk_can_be_asked_for(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    url = await session(alpha)
    await control.add_fault("drop_answer", verb="upload.finalize")

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await send(alpha, url, "upload, finalize", data=TEXT)

    found = await send(alpha, url, "query")
    assert found.json()["file"]["sizeBytes"] == str(len(TEXT))


async def test_a_transient_failure_has_no_upload_status(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    url = await session(alpha)
    await control.add_fault("overloaded", verb="upload.finalize")

    failed = await send(alpha, url, "upload, finalize", data=TEXT)

    assert failed.status_code == 503
    assert "x-goog-upload-status" not in failed.headers
    assert (await send(alpha, url, "upload, finalize", data=TEXT)).status_code == 200


async def test_a_raw_upload(alpha: httpx.AsyncClient) -> None:
    headers = {"X-Goog-Upload-Protocol": "raw", "Content-Type": "image/png"}

    response = await alpha.post(UPLOAD, headers=headers, content=TEXT)

    file = response.json()["file"]
    assert (file["mimeType"], file["sizeBytes"]) == ("image/png", str(len(TEXT)))


@pytest.mark.parametrize("kind", ["multipart/related", "multipart/form-data"])
async def test_a_multipart_upload(alpha: httpx.AsyncClient, kind: str) -> None:
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="metadata"\r\n'
        b'Content-Type: application/json\r\n\r\n{"file": {"display_name": "both"}}\r\n'
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\n" + TEXT + b"\r\n--cut--\r\n"
    )
    headers = {"X-Goog-Upload-Protocol": "multipart", "Content-Type": f"{kind}; boundary=cut"}

    file = (await alpha.post(UPLOAD, headers=headers, content=body)).json()["file"]

    assert (file["displayName"], file["mimeType"]) == ("both", "text/plain")
    assert base64.b64decode(file["sha256Hash"]) == hashlib.sha256(TEXT).digest()


async def test_a_chosen_name_is_kept_and_cannot_be_taken_twice(
    alpha: httpx.AsyncClient, beta: httpx.AsyncClient
) -> None:
    file = await upload(alpha, name="files/my-own-name")

    taken = await start(beta, name="files/my-own-name")
    malformed = await start(beta, name="files/My_Name")

    assert file["name"] == "files/my-own-name"
    assert taken.status_code == 409
    assert taken.json()["error"]["status"] == "ALREADY_EXISTS"
    assert malformed.status_code == 400


async def test_files_are_listed_in_pages_of_their_project(
    alpha: httpx.AsyncClient, beta: httpx.AsyncClient
) -> None:
    stored = {(await upload(alpha))["name"] for _ in range(12)}
    foreign = await upload(beta)

    first = (await alpha.get("/v1beta/files")).json()
    second = (await alpha.get("/v1beta/files", params={"pageToken": first["nextPageToken"]})).json()
    other = (await beta.get("/v1beta/files")).json()

    names = [file["name"] for page in (first, second) for file in page["files"]]
    assert len(first["files"]) == 10
    assert sorted(names) == sorted(stored)
    assert "nextPageToken" not in second
    assert [file["name"] for file in other["files"]] == [foreign["name"]]


async def test_an_empty_list_is_an_empty_object(alpha: httpx.AsyncClient) -> None:
    assert (await alpha.get("/v1beta/files")).json() == {}


async def test_a_file_of_another_project_looks_like_none(
    alpha: httpx.AsyncClient, beta: httpx.AsyncClient
) -> None:
    name = (await upload(alpha))["name"]
    expected = (
        f"You do not have permission to access the File {name.removeprefix('files/')} "
        "or it may not exist."
    )

    for response in (
        await beta.get(f"/v1beta/{name}"),
        await beta.delete(f"/v1beta/{name}"),
    ):
        assert response.status_code == 403
        assert response.json()["error"]["status"] == "PERMISSION_DENIED"
        assert response.json()["error"]["message"] == expected
    assert (await alpha.delete(f"/v1beta/{name}")).json() == {}
    assert (await alpha.get(f"/v1beta/{name}")).status_code == 403


def cite_in_part(uri: str) -> dict[str, Any]:
    part = {"fileData": {"mimeType": "text/plain", "fileUri": uri}}
    return {"contents": [{"role": "user", "parts": [{"text": "see"}, part]}]}


def cite_in_system(uri: str) -> dict[str, Any]:
    return ask(systemInstruction={"parts": [{"file_data": {"file_uri": uri}}]})


def cite_in_result(uri: str) -> dict[str, Any]:
    inner = {"fileData": {"fileUri": uri}}
    result = {"functionResponse": {"name": "f", "response": {}, "parts": [inner]}}
    call = {"functionCall": {"name": "f", "args": {}}}
    return {
        "contents": [
            *ask()["contents"],
            {"role": "model", "parts": [call]},
            {"role": "user", "parts": [result]},
        ]
    }


@pytest.mark.parametrize("cite", [cite_in_part, cite_in_system, cite_in_result])
@pytest.mark.parametrize("path", [GENERATE, COUNT])
async def test_only_the_own_project_may_cite_a_file(
    alpha: httpx.AsyncClient, beta: httpx.AsyncClient, cite: Any, path: str
) -> None:
    file = await upload(alpha)
    body = cite(file["uri"])
    if path == COUNT:
        body = {"generateContentRequest": {"model": "models/gemini-2.5-flash", **body}}

    own = await alpha.post(path, json=body)
    foreign = await beta.post(path, json=body)

    assert (own.status_code, foreign.status_code) == (200, 403)
    assert file["name"].removeprefix("files/") in foreign.json()["error"]["message"]


async def test_a_file_that_is_still_processed_cannot_be_cited(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_behaviour(processing_seconds=3600)
    file = await upload(alpha)

    refused = await alpha.post(GENERATE, json=cite_in_part(file["uri"]))

    assert refused.status_code == 400
    assert "is not in an ACTIVE state" in refused.json()["error"]["message"]


async def test_addresses_of_others_are_no_citations(alpha: httpx.AsyncClient) -> None:
    body = cite_in_part("https://www.youtube.com/watch?v=files/abc")

    assert (await alpha.post(GENERATE, json=body)).status_code == 200


async def test_a_file_lives_for_two_days(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    name = (await upload(alpha))["name"]

    await control.set_clock(48 * 3600 - 60)
    before = await alpha.get(f"/v1beta/{name}")
    await control.set_clock(48 * 3600 + 1)
    after = await alpha.get(f"/v1beta/{name}")

    assert (before.status_code, after.status_code) == (200, 403)
