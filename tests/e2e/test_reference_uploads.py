"""The uploads of the API reference run as they are written, in Node and in a browser.

Only what a user would replace is replaced: the address of the system, the token, which their text
omits, and the address of the file.
"""

import json
from typing import Any

import pytest

from tests.support.reference import BYTES, Engine, copied, filled
from tests.support.system import Pool, System

PHOTO = f"{BYTES} const file = new File([bytes], '照片.jpg', {{ type: 'image/jpeg' }});"


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(2)


async def sha256_at_google(system: System, file: dict[str, Any]) -> str:
    async with system.control() as control:
        return await control.file_sha256(file["name"])


async def test_upload_file_and_a_chat_about_it(engine: Engine, system: System, pool: Pool) -> None:
    chat = filled("chat_with_file", system, pool).replace(
        "'https://generativelanguage.googleapis.com/v1beta/files/abc123'", "uploaded.uri"
    )

    result = await engine(f"""
        {copied("upload_file")}
        {PHOTO}
        const uploaded = await uploadFile(file, '{pool.token}', '{system.url}');
        const response = await {chat.strip()};
        return {{ sha256, uploaded, status: response.status, answer: await response.json() }};
    """)

    uploaded = result["uploaded"]
    assert uploaded["mimeType"] == "image/jpeg"
    assert uploaded["displayName"] == "照片.jpg"
    assert uploaded["sizeBytes"] == str(17 * 1024 * 1024 + 1)
    assert await sha256_at_google(system, uploaded) == result["sha256"]
    assert result["status"] == 200, result["answer"]
    assert "请描述这张图片" in json.dumps(result["answer"], ensure_ascii=False)


async def test_the_two_steps_of_an_upload(engine: Engine, system: System, pool: Pool) -> None:
    result = await engine(f"""
        {PHOTO}
        {filled("upload", system, pool)}
        const headers = {{ 'x-goog-api-key': '{pool.token}' }};
        const listed = await fetch('{system.url}/v1beta/files', {{ headers }});
        return {{ sha256, files: (await listed.json()).files }};
    """)

    [uploaded] = result["files"]
    assert await sha256_at_google(system, uploaded) == result["sha256"]
