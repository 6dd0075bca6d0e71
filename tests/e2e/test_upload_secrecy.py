"""No key of the pool shows on the way of an upload: in no address, header, answer or log."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.samples import sample
from tests.support.system import Pool, System

GRANULE = 8 * 1024 * 1024


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(3)


@pytest.fixture
def heard() -> list[httpx.Response]:
    """Every answer that the client got."""
    return []


@pytest.fixture
async def client(
    system: System, pool: Pool, heard: list[httpx.Response]
) -> AsyncIterator[httpx.AsyncClient]:
    async def listen(answer: httpx.Response) -> None:
        await answer.aread()
        heard.append(answer)

    async with system.client(event_hooks={"response": [listen]}) as opened:
        yield opened


async def upload(client: httpx.AsyncClient, pool: Pool) -> str:
    """Upload with each command of the protocol and return the name of the file.

    The token goes in the query, where Google's own API would repeat it in the upload's address.
    """
    start = await client.post(
        "/upload/v1beta/files",
        params={"key": pool.token},
        headers={"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"},
        json={"file": {"displayName": "secret.txt"}},
    )
    address = start.headers["x-goog-upload-url"]

    async def order(command: str, content: bytes = b"", offset: int = 0) -> httpx.Response:
        headers = {"x-goog-upload-command": command, "x-goog-upload-offset": str(offset)}
        return await client.post(address, headers=headers, content=content)

    await order("upload", sample(0, GRANULE + 100))
    # A gap, which is refused.
    await order("upload", b"x", offset=3 * GRANULE)
    await order("query")
    done = await order("upload, finalize", sample(GRANULE + 100, 100), offset=GRANULE + 100)
    # Once more, when it is too late.
    await order("cancel")
    return str(done.json()["file"]["name"])


async def test_answers_and_addresses_hold_no_secret(
    system: System, pool: Pool, client: httpx.AsyncClient, heard: list[httpx.Response]
) -> None:
    async with system.control() as control:
        before = max((each.number for each in await control.requests()), default=0)
        await control.add_fault("internal", verb="upload.start")
        await control.add_fault("drop", verb="upload.upload", after_bytes=1000)
        name = await upload(client, pool)
        token = {"x-goog-api-key": pool.token}
        await client.get("/v1beta/files", headers=token)
        await client.get(f"/v1beta/{name}", headers=token)
        await client.delete(f"/v1beta/{name}", headers=token)
        await client.get(f"/v1beta/{name}", headers=token)
        await control.clear_faults()
        asked = [each for each in await control.requests(limit=1000) if each.number > before]

    assert [answer.status_code for answer in heard if answer.is_server_error] == []
    at_google = {each.params().get("upload_id", [""])[0] for each in asked} - {""}
    assert at_google
    for answer in heard:
        told = f"{answer.headers.raw!r} {answer.text}"
        for secret in (*pool.keys, *at_google):
            assert secret not in told
        assert pool.token not in told
    uploads = [each for each in asked if each.verb.startswith("upload")]
    assert any(header == "x-goog-api-key" for each in uploads for header, _ in each.headers)
    for each in uploads:
        shown = each.path + each.query + json.dumps(each.headers)
        assert pool.token not in shown
        keys = [(header, value) for header, value in each.headers if value in pool.keys]
        assert keys in ([], [("x-goog-api-key", each.key)]), [header for header, _ in keys]
        assert not any(key in each.path + each.query for key in pool.keys)
    # The logs are searched for these when all tests have run.
    address = next(found for answer in heard if (found := answer.headers.get("x-goog-upload-url")))
    ours = httpx.URL(address).params["upload_id"]
    system.secrets += [*at_google, ours]
