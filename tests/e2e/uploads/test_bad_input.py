"""Bad input gets Google's own status and envelope, and costs nothing upstream."""

import gzip
from typing import Any

import httpx
import pytest

from tests.e2e.uploads.uploading import FILES, Uploader, refused
from tests.support.system import Pool, System

TOO_MANY = 2 * 1024**3 + 1
NUMBERS = ["-1", "abc", "1.5", "1e3", "0x10", "1 2", "\xb2", str(2**63), "9" * 60]


async def uploads_upstream(system: System, pool: Pool) -> int:
    async with system.control() as control:
        requests = await control.requests(1000)
    return sum(1 for each in requests if each.key in pool.keys)


async def begin(client: Uploader, content: bytes = b"{}", **headers: str) -> httpx.Response:
    sent = {"x-goog-api-key": client.token}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    packed = {name.encode(): value.encode("latin-1") for name, value in sent.items()}
    return await client.http.post(FILES, content=content, headers=packed)


@pytest.mark.parametrize("number", NUMBERS)
async def test_lengths_that_cannot_be(
    system: System, pool: Pool, client: Uploader, number: str
) -> None:
    answer = await begin(
        client,
        x_goog_upload_protocol="resumable",
        x_goog_upload_command="start",
        x_goog_upload_header_content_length=number,
    )

    refused(answer, 400, "INVALID_ARGUMENT", "content-length")
    assert await uploads_upstream(system, pool) == 0


@pytest.mark.parametrize("number", ["", *NUMBERS])
async def test_offsets_that_cannot_be(
    system: System, pool: Pool, client: Uploader, number: str
) -> None:
    session = await client.start(mime_type="image/png")

    answer = await client.http.post(
        session.url,
        content=b"12345",
        headers={
            b"x-goog-upload-command": b"upload, finalize",
            b"x-goog-upload-offset": number.encode("latin-1"),
        },
    )

    refused(answer, 400, "INVALID_ARGUMENT", "x-goog-upload-offset")
    assert await uploads_upstream(system, pool) == 0


@pytest.mark.parametrize(
    "command", ["", "begin", "start", "upload finalize", "query, cancel", "start, upload", "\xfc"]
)
async def test_commands_to_an_upload_that_are_none(client: Uploader, command: str) -> None:
    session = await client.start(mime_type="image/png")

    answer = await client.http.post(
        session.url,
        content=b"12345",
        headers={
            b"x-goog-upload-command": command.encode("latin-1"),
            b"x-goog-upload-offset": b"0",
        },
    )

    refused(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "headers",
    [
        {"x_goog_upload_command": "begin"},
        {"x_goog_upload_command": "upload"},
        {"x_goog_upload_command": "upload, finalize", "x_goog_upload_offset": "0"},
        {"x_goog_upload_command": "query"},
        {"x_goog_upload_protocol": "carrier-pigeon"},
        {"x_goog_upload_protocol": "multipart"},
        {"x_goog_upload_protocol": "multipart", "content_type": "multipart/related"},
        {"x_goog_upload_header_content_type": "not a type"},
    ],
)
async def test_starts_that_are_none(
    system: System, pool: Pool, client: Uploader, headers: dict[str, str]
) -> None:
    refused(await begin(client, b"{}", **headers), 400, "INVALID_ARGUMENT")
    assert await uploads_upstream(system, pool) == 0


@pytest.mark.parametrize(
    "content",
    [
        *(b"[1]", b"{", b"\x89PNG\r\n", b'{"file": 5}', b'{"file": {"displayName": 5}}'),
        b'{"file": {"name": "files/UPPER"}}',
        b'{"file": {"name": "../etc"}}',
        b'{"file": {"sizeBytes": "-5"}}',
    ],
)
async def test_bodies_of_a_start_that_cannot_be_meant(client: Uploader, content: bytes) -> None:
    refused(await begin(client, content), 400, "INVALID_ARGUMENT")


async def test_a_start_with_a_long_body(client: Uploader) -> None:
    answer = await begin(client, b'{"a": "' + b"x" * 300_000 + b'"}')

    refused(answer, 413, "INVALID_ARGUMENT")


async def test_a_file_that_is_announced_as_too_large(client: Uploader) -> None:
    answer = await begin(client, x_goog_upload_header_content_length=str(TOO_MANY))

    refused(answer, 400, "INVALID_ARGUMENT", "exceeds the limit of 2147483648 bytes")


async def test_more_bytes_than_were_announced(client: Uploader) -> None:
    session = await client.start(size=5, mime_type="image/png")

    answer = await client.send(session, "upload, finalize", b"123456", offset=0)

    refused(answer, 400, "INVALID_ARGUMENT", "5 bytes")


async def test_fewer_bytes_than_were_announced(client: Uploader) -> None:
    session = await client.start(size=5, mime_type="image/png")
    await client.send(session, "upload", b"123", offset=0)

    refused(await client.send(session, "finalize"), 400, "INVALID_ARGUMENT", "3 bytes")


async def test_a_finalize_that_brings_bytes(client: Uploader) -> None:
    session = await client.start(mime_type="image/png")

    refused(await client.send(session, "finalize", b"123"), 400, "INVALID_ARGUMENT", "0 bytes")


@pytest.mark.parametrize(
    ("content_range", "data"),
    [
        *(("bytes 0-4/5", b"123"), ("bytes 0-4/5", b"1234567"), ("bytes 4-0/5", b"12345")),
        *(("bytes 0-5/5", b"123456"), ("bytes 0-99999999999999999999/*", b"1"), ("0-4/5", b"1")),
    ],
)
@pytest.mark.parametrize("chunked", [True, False])
async def test_ranges_that_cannot_be(
    client: Uploader, content_range: str, data: bytes, chunked: bool
) -> None:
    session = await client.start(mime_type="image/png")

    async def pieces() -> Any:
        yield data

    answer = await client.http.put(
        session.url,
        content=pieces() if chunked else data,
        headers={"content-range": content_range},
    )

    refused(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("upload_id", ["x", "A" * 43, "", "..%2f..", "%00", "x" * 5000])
@pytest.mark.parametrize("command", ["query", "upload, finalize", "finalize", "cancel"])
async def test_uploads_that_nobody_has_started(
    client: Uploader, upload_id: str, command: str
) -> None:
    answer = await client.send(
        f"{FILES}?upload_id={upload_id}&key={client.token}", command, b"", offset=0
    )

    if 0 < len(upload_id) < 256:
        refused(answer, 404, "NOT_FOUND")
    else:
        # No id can be that long, and without one it is a request to the collection.
        refused(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
async def test_packed_bodies(client: Uploader, encoding: str) -> None:
    session = await client.start(mime_type="image/png")
    data = gzip.compress(b"12345")

    for answer in [
        await client.send(session, "upload, finalize", data, offset=0, content_encoding=encoding),
        await begin(client, data, content_encoding=encoding),
    ]:
        refused(answer, 415, "INVALID_ARGUMENT", "content-encoding")


MULTIPART = {"x_goog_upload_protocol": "multipart", "content_type": "multipart/related; boundary=b"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"--b\r\n\r\n{}\r\n--b--",
        b"--b\r\n\r\n{}\r\n--b\r\n\r\nbytes",
        b"--b\r\n\r\n{}\r\n--b\r\n\r\nbytes\r\n--b\r\n\r\nmore\r\n--b--",
        b"--b\r\n\r\nnot json\r\n--b\r\n\r\nbytes\r\n--b--",
        b"--b\r\n\r\n{}\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--",
    ],
)
async def test_multipart_bodies_that_are_none(
    system: System, pool: Pool, client: Uploader, body: bytes
) -> None:
    refused(await begin(client, body, **MULTIPART), 400, "INVALID_ARGUMENT")
    async with system.client(pool) as http:
        listed = await http.get("/v1beta/files")
    assert listed.json() == {"files": []}


async def test_a_form_with_its_file_before_its_description(client: Uploader, pool: Pool) -> None:
    fields = [("file", ("a.png", b"1", "image/png")), ("metadata", ("", b"{}", ""))]
    answer = await client.http.post(f"{FILES}?key={pool.token}", files=fields)

    refused(answer, 400, "INVALID_ARGUMENT", "in this order")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
async def test_methods_that_are_not_for_uploads(client: Uploader, method: str) -> None:
    session = await client.start(mime_type="image/png")

    for url in (session.url, f"{FILES}?key={client.token}"):
        refused(await client.http.request(method, url), 405, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("headers", "status", "google_status"),
    [({}, 401, "UNAUTHENTICATED"), ({"x-goog-api-key": "sk-no"}, 401, "UNAUTHENTICATED")],
)
async def test_starts_without_a_good_token(
    client: Uploader, headers: dict[str, str], status: int, google_status: str
) -> None:
    refused(await client.http.post(FILES, json={}, headers=headers), status, google_status)


async def test_other_collections_are_not_served(client: Uploader) -> None:
    headers = {"x-goog-api-key": client.token}
    for path in ("/upload/v1/environments/e/files/x", "/upload/v1beta/corpora", "/upload/v2/files"):
        answer = await client.http.post(path, json={}, headers=headers)

        assert answer.status_code == 501
        assert answer.json()["error"]["status"] == "UNIMPLEMENTED"
