"""Every request that the API reference writes as HTTP or as a body does what stands there.

Only what a reader fills in is filled in, and the token added where the text omits it.
"""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from tests.support.reference import COPIES
from tests.support.reference_calls import (
    missing_parts,
    reference_call,
    reference_json,
    reference_text,
)
from tests.support.shared_folder import API_REFERENCE
from tests.support.system import Pool, System

PHOTO = bytes(range(256)) * 400


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(2)


@pytest.fixture
async def http(system: System) -> AsyncIterator[httpx.AsyncClient]:
    async with system.client() as client:
        yield client


async def send(
    http: httpx.AsyncClient, pool: Pool, name: str, filled: Mapping[str, str], body: bytes = b""
) -> tuple[httpx.Response, Any]:
    """Send a request of the reference and return the answer, and what the reference shows."""
    call = reference_call(name, {"sk-xxx": pool.token, **filled})
    headers = dict(call.headers)
    if "key=" not in call.target and "Authorization" not in headers:
        headers["x-goog-api-key"] = pool.token
    answer = await http.request(
        call.method,
        call.target,
        headers=headers,
        json=call.body,
        content=body or None,
    )
    return answer, call.answer


@pytest.mark.skipif(not API_REFERENCE.exists(), reason=f"no reference at {API_REFERENCE}")
def test_no_block_of_the_reference_is_left_out() -> None:
    text = API_REFERENCE.read_text("utf-8")
    copies = sorted((copy.read_text("utf-8") for copy in COPIES), key=len, reverse=True)

    left = []
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        rest = block
        for copy in copies:
            rest = rest.replace(copy, "")
        left += [rest] if rest.strip() else []

    assert not left


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "openai"),
        ("/v1beta/models/gemini-2.0-flash-exp:generateContent", "gemini"),
    ],
)
async def test_all_parameters_of_a_chat(
    http: httpx.AsyncClient, pool: Pool, path: str, name: str
) -> None:
    answer = await http.post(
        path,
        headers={"authorization": f"Bearer {pool.token}", "content-type": "application/json"},
        content=reference_text(f"{name}_request.json").encode(),
    )

    assert answer.status_code == 200, answer.text
    assert not missing_parts(reference_json(f"{name}_response.json"), answer.json())


async def test_the_life_of_a_file(http: httpx.AsyncClient, pool: Pool) -> None:
    size = str(len(PHOTO))
    gaps = {"<文件大小>": size, "<MIME类型>": "image/jpeg", "文件名": "照片.jpg"}
    started, _ = await send(http, pool, "upload_start.http", gaps)
    assert started.status_code == 200, started.text

    address = {"<上传URL>": started.headers["X-Goog-Upload-URL"], "<文件大小>": size}
    uploaded, shown = await send(http, pool, "upload_bytes.http", address, PHOTO)
    assert not missing_parts(shown, uploaded.json())
    file = uploaded.json()["file"]
    assert (file["sizeBytes"], file["mimeType"]) == (size, "image/jpeg")

    listed, shown = await send(http, pool, "list_files.http", {"&pageToken=xxx": ""})
    # There is one page, so there is no next one.
    shown.pop("nextPageToken")
    assert not missing_parts(shown, listed.json())

    file_id = {"{file_id}": file["name"].removeprefix("files/")}
    got, shown = await send(http, pool, "get_file.http", file_id)
    assert not missing_parts(shown, got.json())

    deleted, shown = await send(http, pool, "delete_file.http", file_id)
    assert deleted.json() == shown


async def test_a_list_of_files_goes_on_at_its_token(http: httpx.AsyncClient, pool: Pool) -> None:
    gaps = {"<文件大小>": "3", "<MIME类型>": "text/plain", "文件名": "one"}
    for _ in range(2):
        started, _ = await send(http, pool, "upload_start.http", gaps)
        address = {"<上传URL>": started.headers["X-Goog-Upload-URL"], "<文件大小>": "3"}
        await send(http, pool, "upload_bytes.http", address, b"one")
    one_a_page = {"pageSize=10": "pageSize=1"}

    first, shown = await send(http, pool, "list_files.http", {**one_a_page, "&pageToken=xxx": ""})
    assert not missing_parts(shown, first.json())
    token = {"pageToken=xxx": f"pageToken={first.json()['nextPageToken']}"}
    second, _ = await send(http, pool, "list_files.http", {**one_a_page, **token})

    names = [file["name"] for page in (first, second) for file in page.json()["files"]]
    assert len(set(names)) == 2


@pytest.mark.parametrize("name", ["list_models.http", "embeddings.http", "images.http"])
async def test_what_answers_json(http: httpx.AsyncClient, pool: Pool, name: str) -> None:
    answer, shown = await send(http, pool, name, {})

    assert answer.status_code == 200, answer.text
    assert not missing_parts(shown, answer.json())


async def test_speech_is_wav(http: httpx.AsyncClient, pool: Pool) -> None:
    answer, _ = await send(http, pool, "speech.http", {})

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.content.startswith(b"RIFF")
