"""The real `google-genai` SDK against the running system, at /v1 and at /v1beta."""

import json
from collections.abc import AsyncIterator

import pytest
from google import genai
from google.genai import errors, types

from tests.support.system import Pool, System

MODEL = "gemini-2.5-flash"


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(3)


@pytest.fixture(params=[None, "v1beta"], ids=["v1", "v1beta"])
async def client(
    system: System, pool: Pool, request: pytest.FixtureRequest
) -> AsyncIterator[genai.Client]:
    sdk = genai.Client(
        api_key=pool.token,
        vertexai=False,
        http_options=types.HttpOptions(base_url=system.url, api_version=request.param),
    )
    yield sdk
    await sdk.aio.aclose()
    sdk.close()


async def test_generate_content(client: genai.Client) -> None:
    answer = await client.aio.models.generate_content(
        model=MODEL,
        contents="please repeat nougat",
        config=types.GenerateContentConfig(system_instruction="Be terse.", temperature=0.2),
    )

    assert "nougat" in (answer.text or "")
    assert answer.candidates
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata.total_token_count or 0) > 0


async def test_stream_equals_the_plain_answer(client: genai.Client) -> None:
    tale = "a long tale of a badger, told slowly " * 20
    plain = await client.aio.models.generate_content(model=MODEL, contents=tale)

    chunks = [
        chunk
        async for chunk in await client.aio.models.generate_content_stream(
            model=MODEL, contents=tale
        )
    ]

    assert len(chunks) > 1
    assert "".join(chunk.text or "" for chunk in chunks) == plain.text
    assert chunks[-1].usage_metadata is not None


async def test_chat_keeps_its_history(client: genai.Client) -> None:
    chat = client.aio.chats.create(model=MODEL)
    first = await chat.send_message("please repeat one")
    second = await chat.send_message("please repeat two")

    assert "one" in (first.text or "")
    assert "two" in (second.text or "")
    assert len(chat.get_history()) == 4


@pytest.mark.parametrize("model", [MODEL, "gemini-3-flash-preview"])
async def test_function_calling(client: genai.Client, model: str) -> None:
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        asked.append(city)
        return "21 degrees"

    answer = await client.aio.models.generate_content(
        model=model,
        contents="How warm is it?",
        config=types.GenerateContentConfig(tools=[get_weather]),
    )

    assert len(asked) == 1
    assert "21 degrees" in (answer.text or "")


async def test_count_tokens_and_embeddings(client: genai.Client) -> None:
    counted = await client.aio.models.count_tokens(model=MODEL, contents="how many are these")
    embedded = await client.aio.models.embed_content(
        model="gemini-embedding-001",
        contents=["one", "two"],
        config=types.EmbedContentConfig(output_dimensionality=32),
    )

    assert (counted.total_tokens or 0) > 0
    assert embedded.embeddings
    assert [len(row.values or []) for row in embedded.embeddings] == [32, 32]


async def test_models_list_and_get(client: genai.Client) -> None:
    names = [model.name async for model in await client.aio.models.list()]

    assert f"models/{MODEL}" in names
    assert (await client.aio.models.get(model=MODEL)).name == f"models/{MODEL}"


async def test_errors_are_those_the_sdk_knows(system: System, client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as unknown:
        await client.aio.models.generate_content(model="gemini-99", contents="hi")
    assert unknown.value.code == 404
    assert unknown.value.status == "NOT_FOUND"

    stranger = genai.Client(
        api_key="sk-nobody-knows-me", http_options=types.HttpOptions(base_url=system.url)
    )
    with pytest.raises(errors.ClientError) as refused:
        await stranger.aio.models.generate_content(model=MODEL, contents="hi")
    assert refused.value.code == 401
    await stranger.aio.aclose()
    stranger.close()


async def test_the_clients_token_never_goes_upstream(
    system: System, pool: Pool, client: genai.Client
) -> None:
    mark = f"where does the token of {pool.name} go?"
    await client.aio.models.generate_content(model=MODEL, contents=mark)

    async with system.control() as control:
        received = [r for r in await control.requests(limit=50) if mark.encode() in r.body]
    assert received
    for request in received:
        assert request.key in pool.keys
        everything = json.dumps([request.path, request.query, request.headers])
        assert pool.token not in everything
        assert not any(key in request.path + request.query for key in pool.keys)
