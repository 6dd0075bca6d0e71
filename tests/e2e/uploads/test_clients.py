"""Uploads as each known client speaks them, from the first request to the stored bytes."""

import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from services.simulator.control import SimulatorControl
from tests.e2e.uploads.uploading import (
    GRANULE,
    Uploader,
    content,
    file_of,
    seen_upstream,
    still_active,
    stored,
)
from tests.support.system import Pool, System

MIB = 1024 * 1024


async def test_the_sample_that_sends_no_headers(
    system: System, pool: Pool, client: Uploader, control: SimulatorControl
) -> None:
    data = b"\x89PNG\r\n\x1a\n" + content(100_000)

    # fetch() with a text body, and then with a File whose type the browser knows.
    start = await client.http.post(
        f"/upload/v1beta/files?key={pool.token}",
        content=b'{"file":{"displayName":"cat"}}',
        headers={"content-type": "text/plain;charset=UTF-8"},
    )
    assert start.status_code == 200, start.text
    url = start.headers["x-goog-upload-url"]
    assert pool.token not in url
    end = await client.send(url, "upload, finalize", data, offset=0, content_type="image/png")

    file = file_of(end)
    assert file["displayName"] == "cat"
    assert file["mimeType"] == "image/png"
    await stored(control, file, data)
    [started] = await seen_upstream(system, pool, "upload.start")
    assert started.header("x-goog-upload-header-content-type") == "image/png"
    assert started.header("x-goog-upload-header-content-length") == str(len(data))


async def test_the_sample_with_its_headers(client: Uploader, control: SimulatorControl) -> None:
    data = content(50_000)

    file = await client.upload(data, {"file": {"displayName": "x"}}, mime_type="audio/flac")

    assert (file["displayName"], file["mimeType"]) == ("x", "audio/flac")
    await stored(control, file, data)


@pytest.mark.parametrize("size", [1, GRANULE, GRANULE + 1, 2 * GRANULE])
async def test_the_python_sdk(client: Uploader, control: SimulatorControl, size: int) -> None:
    data = content(size)
    body = {"file": {"display_name": "x", "mime_type": "video/mp4", "size_bytes": size}}
    session = await client.start(
        body, size=size, mime_type="video/mp4", x_goog_upload_file_name="x.mp4"
    )

    # No key on chunks, and the headers of the start once more.
    repeated = {"x_goog_upload_protocol": "resumable", "content_type": "application/json"}
    offset = 0
    while size - offset > GRANULE:
        chunk = data[offset : offset + GRANULE]
        answer = await client.send(session, "upload", chunk, offset=offset, **repeated)
        offset += len(chunk)
        still_active(answer, offset)
    end = await client.send(session, "upload, finalize", data[offset:], offset=offset, **repeated)

    file = file_of(end)
    assert (file["displayName"], file["mimeType"]) == ("x", "video/mp4")
    await stored(control, file, data)


async def test_an_empty_file(client: Uploader, control: SimulatorControl) -> None:
    session = await client.start(size=0, mime_type="text/plain")

    file = file_of(await client.send(session, "upload, finalize", offset=0))

    await stored(control, file, b"")


async def test_the_go_sdk_with_a_reader(
    client: Uploader, control: SimulatorControl, pool: Pool
) -> None:
    data = content(GRANULE)
    session = await client.start(mime_type="application/pdf", path="/gemini/upload/v1beta/files")
    assert session.started.headers["x-goog-upload-chunk-granularity"] == str(GRANULE)
    # It drops its base path from the address, and sends its key and a type that tells nothing.
    url = session.url.replace("/gemini/upload/", "/upload/")
    assert url != session.url
    keyed = {"x_goog_api_key": pool.token, "content_type": "application/json"}

    still_active(await client.send(url, "upload", data, offset=0, **keyed), GRANULE)
    # The reader ends on a chunk's edge: only then does it know.
    file = file_of(await client.send(url, "upload, finalize", offset=GRANULE, **keyed))

    assert file["mimeType"] == "application/pdf"
    await stored(control, file, data)


async def test_a_browser_that_sends_small_chunks(
    client: Uploader, control: SimulatorControl
) -> None:
    data = content(10 * MIB + 7)
    session = await client.start(size=len(data), mime_type="image/webp", path="/upload/v1/files")

    for offset in range(0, len(data) - MIB, MIB):
        chunk = data[offset : offset + MIB]
        still_active(
            await client.send(session, "upload", chunk, offset=offset), offset + len(chunk)
        )
    file = file_of(await client.send(session, "Upload,Finalize", data[10 * MIB :], offset=10 * MIB))

    await stored(control, file, data)


async def test_a_client_that_finalizes_alone(client: Uploader, control: SimulatorControl) -> None:
    data = content(300_000)
    session = await client.start(mime_type="image/png")
    still_active(await client.send(session, "upload", data, offset=0), len(data))

    await stored(control, file_of(await client.send(session, "finalize")), data)


async def test_a_body_without_a_length(client: Uploader, control: SimulatorControl) -> None:
    data = content(9 * MIB)
    session = await client.start(mime_type="image/png")

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 100_003):
            yield data[at : at + 100_003]

    file = file_of(await client.send(session, "upload, finalize", pieces(), offset=0))

    await stored(control, file, data)


@pytest.mark.parametrize(
    "path",
    ["/upload/v1/files", "/upload/v1alpha/files", "/upload/files", "/gemini/upload/v1/files"],
)
async def test_every_address_of_the_collection(
    client: Uploader, control: SimulatorControl, path: str
) -> None:
    session = await client.start(path=path, mime_type="image/png")
    assert urlsplit(session.url).path == path

    file = file_of(await client.send(session, "upload, finalize", b"12345", offset=0))

    await stored(control, file, b"12345")


@pytest.mark.parametrize("prefix", ["", "/gemini", "/somebody/elses/prefix"])
async def test_the_id_alone_finds_an_upload(
    client: Uploader, control: SimulatorControl, prefix: str
) -> None:
    session = await client.start(mime_type="image/png")
    parts = urlsplit(session.url)
    url = urlunsplit(
        parts._replace(path=prefix + parts.path, query=f"upload_id={session.upload_id}")
    )

    await stored(
        control, file_of(await client.send(url, "upload, finalize", b"12345", offset=0)), b"12345"
    )


async def test_a_token_beside_the_id_does_not_matter(client: Uploader) -> None:
    session = await client.start(mime_type="image/png")

    answer = await client.send(
        session.url + "&key=nonsense", "query", authorization="Bearer other", x_goog_api_key="x"
    )

    still_active(answer, 0)


@pytest.mark.parametrize("kind", ["related", "form", "form without protocol", "uploadType"])
async def test_multipart(
    client: Uploader, control: SimulatorControl, pool: Pool, kind: str
) -> None:
    data = content(9 * MIB) + b"\r\n--b\r\n"
    described = b'{"file": {"display_name": "both"}}'
    headers = {"x-goog-api-key": pool.token}
    params: dict[str, str] = {}
    options: dict[str, Any]
    if kind.startswith("form"):
        options = {
            "data": {"metadata": described.decode()},
            "files": {"file": ("a.png", data, "image/png")},
        }
    else:
        parts = [b"Content-Type: application/json\r\n\r\n" + described]
        parts.append(b"Content-Type: image/png\r\n\r\n" + data)
        options = {"content": b"--bnd\r\n" + b"\r\n--bnd\r\n".join(parts) + b"\r\n--bnd--\r\n"}
        headers["content-type"] = 'multipart/related; boundary="bnd"'
    if kind == "uploadType":
        params["uploadType"] = "multipart"
    elif kind != "form without protocol":
        headers["x-goog-upload-protocol"] = "multipart"

    answer = await client.http.post(
        "/upload/v1beta/files", headers=headers, params=params, **options
    )

    file = file_of(answer)
    assert (file["displayName"], file["mimeType"]) == ("both", "image/png")
    await stored(control, file, data)


async def test_a_form_with_a_file_alone(
    client: Uploader, control: SimulatorControl, pool: Pool
) -> None:
    answer = await client.http.post(
        f"/upload/v1beta/files?key={pool.token}",
        files={"file": ("clip.mp4", b"not a film", "application/octet-stream")},
    )

    file = file_of(answer)
    # The extension tells what the browser did not.
    assert file["mimeType"] == "video/mp4"
    await stored(control, file, b"not a film")


@pytest.mark.parametrize("kind", ["raw", "media"])
async def test_a_raw_body(
    client: Uploader, control: SimulatorControl, pool: Pool, kind: str
) -> None:
    data = content(GRANULE + 9)
    headers = {"x-goog-api-key": pool.token, "content-type": "image/jpeg"}
    params = {"uploadType": "media"} if kind == "media" else {}
    if kind == "raw":
        headers |= {"x-goog-upload-protocol": "raw", "x-goog-upload-file-name": "b.jpg"}

    answer = await client.http.post(
        "/upload/v1beta/files", content=data, headers=headers, params=params
    )

    file = file_of(answer)
    assert file["mimeType"] == "image/jpeg"
    assert file.get("displayName", "") == ("b.jpg" if kind == "raw" else "")
    await stored(control, file, data)


async def test_a_chosen_name(client: Uploader, control: SimulatorControl) -> None:
    name = f"files/t-{secrets.token_hex(8)}"
    file = await client.upload(b"12345", {"file": {"name": name}}, mime_type="image/png")
    assert file["name"] == name

    taken = await client.http.post(
        "/upload/v1beta/files",
        json={"file": {"name": name}},
        headers={"x-goog-api-key": client.token},
    )

    assert taken.status_code == 409
    assert taken.json()["error"]["status"] == "ALREADY_EXISTS"
    assert taken.headers["x-goog-upload-status"] == "final"
