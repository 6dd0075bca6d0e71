"""Uploads of a system with settings of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.uploads.uploading import FILES, Uploader, refused
from tests.support.system import System, running_system

PUBLIC = "https://ai.example/gw"
LIMIT = 10_000_000


@pytest.fixture(scope="module")
def small(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that knows its public address and takes small files only."""
    folder = tmp_path_factory.mktemp("small")
    settings = {"PUBLIC_URL": f"{PUBLIC}/", "FILES_MAX_BYTES": str(LIMIT)}
    with running_system(folder, system.simulator_url, **settings) as small:
        yield small


@pytest.fixture
async def client(small: System) -> AsyncIterator[Uploader]:
    pool = await small.new_pool(1)
    async with small.client() as http:
        yield Uploader(http, pool.token)


@pytest.mark.parametrize("path", [FILES, "/gemini/upload/v1/files"])
async def test_the_public_url_is_where_uploads_are(client: Uploader, path: str) -> None:
    session = await client.start(
        path=path, x_forwarded_host="other.example", x_forwarded_prefix="/other"
    )

    assert session.url.partition("?")[0] == PUBLIC + path


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_that_becomes_too_large(client: Uploader, announced: bool) -> None:
    size = LIMIT + 1_000_000
    session = await client.start(mime_type="image/png")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // 100_000):
            yield b"x" * 100_000

    here = f"{FILES}?upload_id={session.upload_id}"
    headers = {"content_length": str(size)} if announced else {}
    answer = await client.send(here, "upload, finalize", pieces(), offset=0, **headers)

    refused(answer, 400, "INVALID_ARGUMENT", f"exceeds the limit of {LIMIT} bytes")
