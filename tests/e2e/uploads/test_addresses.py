"""The address of an upload is the one that its client sees, and it works there."""

from urllib.parse import parse_qs, urlsplit

import httpx

from tests.e2e.uploads.uploading import FILES, Uploader
from tests.support.system import System

FORWARDED = {
    "x-forwarded-proto": "https",
    "x-forwarded-host": "ai.example",
    "x-forwarded-port": "8443",
    "x-forwarded-prefix": "/gw",
}


async def address(client: Uploader, headers: dict[str, str], path: str = FILES) -> str:
    answer = await client.http.post(f"{path}?key={client.token}&alt=json", json={}, headers=headers)
    assert answer.status_code == 200, answer.text
    url = answer.headers["x-goog-upload-url"]
    assert answer.headers["x-goog-upload-control-url"] == url
    assert set(parse_qs(urlsplit(url).query)) == {"upload_id", "upload_protocol"}
    assert client.token not in str(answer.headers)
    return url.partition("?")[0]


async def test_it_is_on_the_host_that_was_asked(system: System, client: Uploader) -> None:
    assert await address(client, {}) == system.url + FILES
    assert await address(client, {"host": "edge.local"}) == f"http://edge.local{FILES}"
    prefixed = f"/gemini{FILES}"
    assert await address(client, {}, prefixed) == system.url + prefixed


async def test_a_proxy_on_this_machine_is_believed(client: Uploader) -> None:
    assert await address(client, FORWARDED) == f"https://ai.example:8443/gw{FILES}"


async def test_a_stranger_is_not_believed(system: System, client: Uploader) -> None:
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with system.client(transport=transport) as http:
        stranger = Uploader(http, client.token)

        assert await address(stranger, FORWARDED) == system.url + FILES


async def test_a_host_that_cannot_be_one_is_refused(client: Uploader) -> None:
    answer = await client.http.post(
        f"{FILES}?key={client.token}", json={}, headers={"host": "a/b?c"}
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


async def test_the_ids_of_uploads_cannot_be_guessed(client: Uploader) -> None:
    ids = {(await client.start()).upload_id for _ in range(20)}

    assert len(ids) == 20
    # At least 128 bits in base64 each, random from the first one on.
    assert min(len(each) for each in ids) >= 22
    assert len({each[:8] for each in ids}) == len({each[-8:] for each in ids}) == 20
