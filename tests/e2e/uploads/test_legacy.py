"""Uploads as Google's older client libraries speak them."""

import httpx
import pytest

from services.simulator.control import SimulatorControl
from tests.e2e.uploads.uploading import Uploader, content, file_of, stored


async def legacy_start(client: Uploader, size: int | None) -> str:
    headers = {"x-goog-api-key": client.token, "x-upload-content-type": "image/gif"}
    if size is not None:
        headers["x-upload-content-length"] = str(size)
    answer = await client.http.post(
        "/upload/v1beta/files?uploadType=resumable",
        json={"file": {"displayName": "old"}},
        headers=headers,
    )
    assert answer.status_code == 200, answer.text
    return answer.headers["location"]


async def put(client: Uploader, url: str, data: bytes, content_range: str = "") -> httpx.Response:
    headers = {"content-range": content_range} if content_range else {}
    return await client.http.put(url, content=data, headers=headers)


@pytest.mark.parametrize("total_is_known", [True, False])
async def test_a_legacy_client_in_chunks(
    client: Uploader, control: SimulatorControl, total_is_known: bool
) -> None:
    data, chunk = content(700_000), 256 * 1024
    size = len(data)
    url = await legacy_start(client, size if total_is_known else None)

    nothing = await put(client, url, b"", "bytes */*")
    assert (nothing.status_code, "range" in nothing.headers) == (308, False)
    for first in (0, chunk):
        total = size if total_is_known else "*"
        last = first + chunk - 1
        answer = await put(client, url, data[first : last + 1], f"bytes {first}-{last}/{total}")
        assert (answer.status_code, answer.headers["range"]) == (308, f"bytes=0-{last}")
    asked = await put(client, url, b"", f"bytes */{size}")
    assert (asked.status_code, asked.headers["range"]) == (308, f"bytes=0-{2 * chunk - 1}")
    end = await put(client, url, data[2 * chunk :], f"bytes {2 * chunk}-{size - 1}/{size}")

    file = file_of(end)
    assert (file["displayName"], file["mimeType"]) == ("old", "image/gif")
    await stored(control, file, data)


async def test_a_legacy_client_that_learns_the_size_at_the_end(
    client: Uploader, control: SimulatorControl
) -> None:
    url = await legacy_start(client, None)
    answer = await put(client, url, b"12345", "bytes 0-4/*")
    assert answer.status_code == 308

    await stored(control, file_of(await put(client, url, b"", "bytes */5")), b"12345")


async def test_a_legacy_client_that_sends_all_at_once(
    client: Uploader, control: SimulatorControl
) -> None:
    url = await legacy_start(client, 5)

    await stored(control, file_of(await put(client, url, b"12345")), b"12345")
