"""An upload that is left alone ends by itself, as if it had never been."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.edge import new_token, running_edge
from tests.support.files import running_files
from tests.support.keypool import running_keypool, secrets_of
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

HOUR = 3600


@pytest.fixture
async def uploads(redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an edge whose uploads last two seconds."""
    async with (
        upstream() as google,
        running_keypool(redis_url, base_url=google.url) as keypool,
        running_files(redis_url, keypool.target, google.url, files_upload_ttl_hours=2 / HOUR) as (
            _,
            target,
        ),
        running_edge(keypool, files_target=target) as url,
    ):
        await keypool.add_keys(*secrets_of(1))
        headers = {"x-goog-api-key": await new_token(keypool)}
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            yield client


async def test_an_expired_upload(uploads: httpx.AsyncClient) -> None:
    start = await uploads.post("/upload/v1beta/files", json={})
    url = start.headers["x-goog-upload-url"]
    headers = {"x-goog-upload-command": "upload", "x-goog-upload-offset": "0"}
    chunk = await uploads.post(url, content=b"12345", headers=headers)
    assert chunk.headers["x-goog-upload-status"] == "active"

    async def asked() -> int:
        query = await uploads.post(url, headers={"x-goog-upload-command": "query"})
        return query.status_code

    await eventually(asked, lambda status: status == 404)

    for command in ("query", "upload", "upload, finalize", "finalize", "cancel"):
        headers = {"x-goog-upload-command": command, "x-goog-upload-offset": "5"}
        answer = await uploads.post(url, headers=headers)
        assert answer.status_code == 404, command
        assert answer.json()["error"]["status"] == "NOT_FOUND"
        assert answer.headers["x-goog-upload-status"] == "final"
