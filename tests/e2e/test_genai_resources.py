"""What belongs to a project, through the real `google-genai` SDK, while nine keys rotate."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types

from tests.support.two_clients import FLASH, Two


@pytest.fixture(params=[None, "v1beta"], ids=["v1", "v1beta"])
async def sdk(two: Two, request: pytest.FixtureRequest) -> AsyncIterator[genai.Client]:
    options = types.HttpOptions(base_url=two.system.url, api_version=request.param)
    client = genai.Client(api_key=two.pool.token, vertexai=False, http_options=options)
    yield client
    await client.aio.aclose()
    client.close()


@pytest.fixture
def text_file(tmp_path: Path) -> str:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    return str(path)


async def test_caches(sdk: genai.Client, two: Two) -> None:
    caches = sdk.aio.caches
    config = types.CreateCachedContentConfig(contents=["word " * 1200], ttl="600s")
    made = await caches.create(model=FLASH, config=config)
    assert made.name
    await two.rotate()

    assert (await caches.get(name=made.name)).name == made.name
    assert [cache.name async for cache in await caches.list()] == [made.name]
    use = types.GenerateContentConfig(cached_content=made.name)
    answer = await sdk.aio.models.generate_content(model=FLASH, contents="hi", config=use)
    assert answer.usage_metadata
    assert answer.usage_metadata.cached_content_token_count
    longer = types.UpdateCachedContentConfig(ttl="900s")
    changed = await caches.update(name=made.name, config=longer)
    assert changed.expire_time
    assert made.expire_time
    assert changed.expire_time > made.expire_time
    await caches.delete(name=made.name)
    assert [cache.name async for cache in await caches.list()] == []


async def test_batches(sdk: genai.Client, two: Two) -> None:
    words = types.Content(role="user", parts=[types.Part(text="please repeat plum")])
    source = [types.InlinedRequest(contents=[words])]
    made = await sdk.aio.batches.create(model=FLASH, src=source)
    assert made.name
    await two.rotate()

    done = await sdk.aio.batches.get(name=made.name)

    assert done.state == types.JobState.JOB_STATE_SUCCEEDED
    assert done.dest
    assert done.dest.inlined_responses
    response = done.dest.inlined_responses[0].response
    assert response
    assert "plum" in (response.text or "")
    assert [job.name async for job in await sdk.aio.batches.list()] == [made.name]
    await sdk.aio.batches.delete(name=made.name)
    assert [job.name async for job in await sdk.aio.batches.list()] == []


async def test_file_search_stores(sdk: genai.Client, two: Two, text_file: str) -> None:
    stores = sdk.aio.file_search_stores
    store = await stores.create(config={"display_name": "docs"})
    assert store.name
    uploaded = await stores.upload_to_file_search_store(
        file_search_store_name=store.name, file=text_file, config={"mime_type": "text/plain"}
    )
    await two.rotate()
    file = await sdk.aio.files.upload(file=text_file, config={"mime_type": "text/plain"})
    await two.rotate()

    assert uploaded.response
    document = uploaded.response.document_name
    listed = await stores.documents.list(parent=store.name)
    assert [found.name async for found in listed] == [document]
    tool = types.Tool(file_search=types.FileSearch(file_search_store_names=[store.name]))
    answer = await sdk.aio.models.generate_content(
        model=FLASH, contents="what?", config=types.GenerateContentConfig(tools=[tool])
    )
    assert answer.text
    read = await sdk.aio.models.generate_content(model=FLASH, contents=["what?", file])
    assert read.text
    await stores.delete(name=store.name, config={"force": True})


async def test_interactions(sdk: genai.Client, two: Two) -> None:
    interactions: Any = sdk.aio.interactions
    first = await interactions.create(model=FLASH, input="please repeat plum")
    assert "plum" in first.output_text
    await two.rotate()

    second = await interactions.create(model=FLASH, input="and?", previous_interaction_id=first.id)
    await two.rotate()
    stream = await interactions.create(
        model=FLASH, input="and?", stream=True, previous_interaction_id=second.id
    )
    kinds = [event.event_type async for event in stream]
    assert kinds[0] == "interaction.created"
    assert kinds[-1] == "interaction.completed"
    assert (await interactions.get(id=first.id)).status == "completed"
    await interactions.delete(id=first.id)
