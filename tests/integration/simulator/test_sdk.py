"""Google's own SDK against the simulator."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from services.simulator.catalog import MODELS
from services.simulator.control import SimulatorControl
from services.simulator.uploads import GRANULE
from tests.integration.simulator.asking import FLASH
from tests.integration.simulator.conftest import ALPHA


class City(BaseModel):
    name: str
    people: int


@pytest.fixture(params=["v1", "v1beta"])
async def sdk(url: str, request: pytest.FixtureRequest) -> AsyncIterator[genai.client.AsyncClient]:
    options = types.HttpOptions(base_url=url, api_version=request.param)
    client = genai.Client(api_key=ALPHA, http_options=options)
    try:
        yield client.aio
    finally:
        await client.aio.aclose()
        client.close()


async def test_generate(sdk: genai.client.AsyncClient) -> None:
    reply = await sdk.models.generate_content(
        model=FLASH,
        contents="marco",
        config=types.GenerateContentConfig(
            system_instruction="be brief",
            temperature=0.5,
            max_output_tokens=100,
            thinking_config=types.ThinkingConfig(include_thoughts=True),
            safety_settings=[
                types.SafetySetting(
                    category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                    threshold=types.HarmBlockThreshold.OFF,
                )
            ],
        ),
    )

    assert reply.text == f"{FLASH} heard: marco"
    assert reply.candidates
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP
    assert reply.usage_metadata
    assert reply.usage_metadata.thoughts_token_count


async def test_stream(sdk: genai.client.AsyncClient) -> None:
    stream = await sdk.models.generate_content_stream(model=FLASH, contents="[[words 100]]")

    chunks = [chunk async for chunk in stream]

    assert len(chunks) > 5
    assert "".join(chunk.text or "" for chunk in chunks).endswith("word99")


async def test_json_by_schema(sdk: genai.client.AsyncClient) -> None:
    reply = await sdk.models.generate_content(
        model=FLASH,
        contents="a city",
        config=types.GenerateContentConfig(
            response_mime_type="application/json", response_schema=City
        ),
    )

    assert reply.parsed == City(name="text", people=1)


@pytest.mark.parametrize("model", [FLASH, "gemini-3-flash-preview"])
async def test_functions_are_called_and_their_results_used(
    sdk: genai.client.AsyncClient, model: str
) -> None:
    seen: list[str] = []

    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        seen.append(city)
        return "sunny"

    reply = await sdk.models.generate_content(
        model=model, contents="weather?", config=types.GenerateContentConfig(tools=[get_weather])
    )

    assert seen == ["text"]
    assert reply.text is not None
    assert 'get_weather returned {"result":"sunny"}' in reply.text


async def test_count_tokens(sdk: genai.client.AsyncClient) -> None:
    reply = await sdk.models.count_tokens(model=FLASH, contents="12345678")

    assert reply.total_tokens == 2


async def test_embed(sdk: genai.client.AsyncClient) -> None:
    reply = await sdk.models.embed_content(
        model="gemini-embedding-001",
        contents=["a", "b"],
        config=types.EmbedContentConfig(output_dimensionality=64),
    )

    assert reply.embeddings
    assert [len(each.values or []) for each in reply.embeddings] == [64, 64]


async def test_list_models(sdk: genai.client.AsyncClient) -> None:
    pager = await sdk.models.list(config={"page_size": 5})

    assert [model.name async for model in pager] == [f"models/{name}" for name in MODELS]


async def test_pictures(sdk: genai.client.AsyncClient) -> None:
    reply = await sdk.models.generate_content(model="gemini-2.5-flash-image", contents="a boat")

    assert reply.parts
    pictures = [part.inline_data for part in reply.parts if part.inline_data]
    assert pictures[0].mime_type == "image/png"
    assert (pictures[0].data or b"").startswith(b"\x89PNG")


# The SDK gives whole chunks to aiohttp, which does not like that.
@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
async def test_a_file_is_uploaded_cited_and_deleted(
    sdk: genai.client.AsyncClient, control: SimulatorControl
) -> None:
    data = b"0123456789" * (GRANULE // 10 + 10)

    file = await sdk.files.upload(
        file=io.BytesIO(data),
        config=types.UploadFileConfig(mime_type="text/plain", display_name="digits"),
    )

    assert file.name
    assert (file.display_name, file.size_bytes) == ("digits", len(data))
    assert file.state == types.FileState.ACTIVE
    assert await control.file_sha256(file.name) == hashlib.sha256(data).hexdigest()
    assert [each.name async for each in await sdk.files.list()] == [file.name]
    reply = await sdk.models.generate_content(model=FLASH, contents=["sum up", file])
    assert reply.text == f"{FLASH} heard: sum up"
    await sdk.files.delete(name=file.name)
    with pytest.raises(errors.ClientError, match="You do not have permission"):
        await sdk.files.get(name=file.name)


async def test_the_synchronous_upload_works_too(url: str, control: SimulatorControl) -> None:
    options = types.HttpOptions(base_url=url)
    with genai.Client(api_key=ALPHA, http_options=options) as client:
        data = io.BytesIO(b"sync")
        file = await asyncio.to_thread(
            client.files.upload, file=data, config={"mime_type": "text/plain"}
        )

    assert file.name
    assert await control.file_sha256(file.name) == hashlib.sha256(b"sync").hexdigest()


async def test_cached_contents(sdk: genai.client.AsyncClient) -> None:
    cache = await sdk.caches.create(
        model=FLASH,
        config=types.CreateCachedContentConfig(contents="word " * 1000, ttl="60s"),
    )

    assert cache.name
    reply = await sdk.models.generate_content(
        model=FLASH,
        contents="and?",
        config=types.GenerateContentConfig(cached_content=cache.name),
    )
    assert reply.usage_metadata
    assert reply.usage_metadata.cached_content_token_count == 1250
    await sdk.caches.delete(name=cache.name)


async def test_errors_are_understood(
    sdk: genai.client.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("rate_limit_day")
    with pytest.raises(errors.ClientError) as refused:
        await sdk.models.generate_content(model=FLASH, contents="hi")
    await control.add_fault("error_chunk", after_chunks=1)
    with pytest.raises(errors.ServerError) as broken:
        async for _ in await sdk.models.generate_content_stream(model=FLASH, contents="hi"):
            pass
    await control.add_fault("drop_midstream", after_chunks=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        async for _ in await sdk.models.generate_content_stream(model=FLASH, contents="hi"):
            pass

    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert (broken.value.code, broken.value.status) == (503, "UNAVAILABLE")
