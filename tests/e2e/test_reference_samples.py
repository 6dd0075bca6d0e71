"""The samples of the API reference run as they are written, in Node and in a browser.

The page is of another origin, so all of CORS is needed. Only what a user would replace is
replaced: the address and the token.
"""

import base64
import json
from pathlib import Path

import pytest

from tests.support.reference import COPIES, Engine, as_fetch, copied, filled
from tests.support.reference_calls import reference_call
from tests.support.shared_folder import API_REFERENCE
from tests.support.sound import decode
from tests.support.system import Pool, System


@pytest.mark.skipif(not API_REFERENCE.exists(), reason=f"no reference at {API_REFERENCE}")
@pytest.mark.parametrize("copy", COPIES, ids=lambda path: path.name)
def test_the_copy_is_the_text_of_the_reference(copy: Path) -> None:
    assert copy.read_text("utf-8") in API_REFERENCE.read_text("utf-8")


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(2)


@pytest.mark.parametrize("sample", ["openai_chat", "gemini_chat"])
async def test_a_chat(engine: Engine, system: System, pool: Pool, sample: str) -> None:
    result = await engine(f"""
        const response = await {filled(sample, system, pool).strip()};
        return {{ status: response.status, answer: await response.json() }};
    """)

    assert result["status"] == 200, result["answer"]
    assert "你好" in json.dumps(result["answer"], ensure_ascii=False)


async def test_a_stream(engine: Engine, system: System, pool: Pool) -> None:
    sample = filled("gemini_stream", system, pool)
    result = await engine(f"""
        let events = '';
        {sample.replace("// 处理 SSE 数据", "events += chunk;")}
        return {{ type: response.headers.get('content-type'), events }};
    """)

    assert result["type"].startswith("text/event-stream")
    assert result["events"].startswith("data: {")


async def test_a_picture(engine: Engine, system: System, pool: Pool) -> None:
    result = await engine(f"""
        const response = await {as_fetch("images", system, pool)};
        const answer = await response.json();
        const picture = await fetch(answer.data[0].url);
        const bytes = new Uint8Array(await picture.arrayBuffer());
        return {{
          status: response.status, answer, type: picture.headers.get('content-type'),
          head: [...bytes.slice(1, 4)],
        }};
    """)

    assert result["status"] == 200, result["answer"]
    shown = reference_call("images.http", {}).answer["data"]
    assert [set(each) for each in result["answer"]["data"]] == [set(each) for each in shown]
    assert result["type"] == "image/png"
    assert bytes(result["head"]) == b"PNG"


async def test_the_request_function(engine: Engine, system: System, pool: Pool) -> None:
    result = await engine(f"""
        {filled("api_request", system, pool)}
        const models = await apiRequest('/v1/models');
        const refused = await apiRequest('/v1/models/none-such').catch((error) => error.message);
        return {{ models, refused }};
    """)

    assert result["models"]["object"] == "list"
    assert "none-such" in result["refused"]


@pytest.mark.parametrize("name", ["api_request", "upload_file", "stream_chat"])
async def test_a_function_is_used_as_it_is_shown(
    engine: Engine, system: System, pool: Pool, name: str
) -> None:
    use = filled(f"{name}_use", system, pool).replace(
        "uploadFile(file)", f"uploadFile(file, '{pool.token}')"
    )
    result = await engine(f"""
        const said = [];
        const console = {{ log: (text) => said.push(text) }};
        const file = new File(['a photo'], 'a.jpg', {{ type: 'image/jpeg' }});
        {filled(name, system, pool)}
        {use}
        return {{ said, result: typeof result === 'undefined' ? null : result }};
    """)

    match name:
        case "api_request":
            assert "你好" in result["result"]["choices"][0]["message"]["content"]
        case "upload_file":
            assert "/v1beta/files/" in result["said"][0]
        case "stream_chat":
            assert "你好" in "".join(result["said"])


async def test_the_chat_stream_function(engine: Engine, system: System, pool: Pool) -> None:
    result = await engine(f"""
        {copied("stream_chat")}
        let text = '';
        const messages = [{{ role: 'user', content: 'please repeat nougat' }}];
        for await (const piece of streamChat(messages, '{pool.token}', '{system.url}')) {{
          text += piece;
        }}
        return text;
    """)

    assert "nougat" in result


async def test_speech(engine: Engine, system: System, pool: Pool) -> None:
    result = await engine(f"""
        const response = await {as_fetch("speech", system, pool)};
        const bytes = new Uint8Array(await response.arrayBuffer());
        const file = btoa([...bytes].map((byte) => String.fromCharCode(byte)).join(''));
        return {{ type: response.headers.get('content-type'), file }};
    """)

    assert result["type"] == "audio/wav"
    sound = decode(base64.b64decode(result["file"]))
    assert (sound.form, sound.rate) == ("wav", 24000)
    assert sound.seconds > 0


async def test_embeddings(engine: Engine, system: System, pool: Pool) -> None:
    result = await engine(f"return (await {as_fetch('embeddings', system, pool)}).json()")

    [row] = result["data"]
    assert row["index"] == 0
    assert len(row["embedding"]) == 768
    assert result["usage"]["total_tokens"] == result["usage"]["prompt_tokens"] > 0
