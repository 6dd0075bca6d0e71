"""What OpenAI and Anthropic offer and this does not is told plainly, with what to use instead."""

import openai
import pytest

from tests.support.system import System


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/v1/batches", ":batchGenerateContent"),
        ("/v1/batches/batch_1/cancel", ":batchGenerateContent"),
        ("/v1/uploads", "/v1/files"),
        ("/v1/moderations", "safetySettings"),
        ("/v1/conversations", "previous_response_id"),
        ("/v1/fine_tuning/jobs", "at Google"),
        ("/v1/assistants", "/v1/chat/completions"),
        ("/v1/threads/thread_1/runs", "/v1/chat/completions"),
        ("/v1/vector_stores", "fileSearchStores"),
        ("/v1/videos", ":predictLongRunning"),
        ("/v1/audio/voices", "Gemini's"),
        ("/hf/v1/moderations", "safetySettings"),
    ],
)
async def test_it_is_501_in_openais_shape(system: System, path: str, instead: str) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        answer = await client.post(path, json={})

    assert answer.status_code == 501
    assert answer.headers["x-should-retry"] == "false"
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == "not_implemented"
    assert instead in error["message"]


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/v1/messages/batches", ":batchGenerateContent"),
        ("/anthropic/v1/messages/batches/b1/results", ":batchGenerateContent"),
        ("/anthropic/v1/files", "/v1/files"),
        ("/anthropic/v1/complete", "/v1/messages"),
    ],
)
async def test_it_is_501_in_anthropics_shape(system: System, path: str, instead: str) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        answer = await client.post(path, json={})

    assert answer.status_code == 501
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["type"] == "api_error"
    assert instead in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/batchesx", "/v1/audio", "/v1/audio/unheard-of"])
async def test_what_nobody_offers_is_404(system: System, path: str) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        assert (await client.post(path, json={})).status_code == 404


async def test_the_sdk_raises_it_with_its_words(system: System) -> None:
    pool = await system.new_pool(1)
    async with openai.AsyncOpenAI(
        api_key=pool.token, base_url=f"{system.url}/v1", max_retries=0
    ) as sdk:
        with pytest.raises(openai.InternalServerError, match="safetySettings") as refusal:
            await sdk.moderations.create(input="x")

    assert refusal.value.status_code == 501
