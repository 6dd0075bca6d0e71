"""The real `openai` SDK against the running system."""

import base64
import json
from collections.abc import AsyncIterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.support.system import System

MODEL = "gemini-2.5-flash"
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
async def client(system: System) -> AsyncIterator[openai.AsyncOpenAI]:
    pool = await system.new_pool(3)
    async with openai.AsyncOpenAI(
        api_key=pool.token, base_url=f"{system.url}/v1", max_retries=0
    ) as sdk:
        yield sdk


async def test_chat_answers_with_text_usage_and_finish_reason(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "You are terse."},
            {"role": "user", "content": "please repeat marzipan"},
        ],
    )

    assert "marzipan" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens >= answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_stream_equals_the_plain_answer_and_ends_with_usage(
    client: openai.AsyncOpenAI,
) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "a long tale of a fox, told slowly " * 20}
    ]
    plain = await client.chat.completions.create(model=MODEL, messages=messages)

    stream = await client.chat.completions.create(
        model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == plain.choices[0].message.content
    assert len([c for c in chunks if c.choices and c.choices[0].delta.content]) > 1
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert plain.usage is not None
    assert chunks[-1].usage.total_tokens == plain.usage.total_tokens


async def test_older_completions(client: openai.AsyncOpenAI) -> None:
    both = await client.completions.create(
        model=MODEL, prompt=["please repeat marzipan", "please repeat nougat"], echo=True
    )
    stream = await client.completions.create(
        model=MODEL, prompt="please repeat nougat", echo=True, stream=True
    )
    chunks = [chunk async for chunk in stream]

    assert [choice.index for choice in both.choices] == [0, 1]
    assert both.choices[0].text.startswith("please repeat marzipan")
    assert both.choices[0].text.count("marzipan") > 1
    assert {choice.finish_reason for choice in both.choices} == {"stop"}
    assert both.usage is not None
    assert both.usage.total_tokens > 0
    assert "".join(chunk.choices[0].text for chunk in chunks) == both.choices[1].text
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", [MODEL, "gemini-3-flash-preview"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_tool_loop_of_two_rounds(
    client: openai.AsyncOpenAI, model: str, streamed: bool
) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "How warm is it?"}]
    for reading in ("21 degrees", "22 degrees"):
        if streamed:
            async with client.chat.completions.stream(
                model=model, messages=messages, tools=[WEATHER]
            ) as events:
                completion = await events.get_final_completion()
            call_turn = completion.choices[0]
        else:
            answer = await client.chat.completions.create(
                model=model, messages=messages, tools=[WEATHER]
            )
            call_turn = answer.choices[0]  # type: ignore[assignment]  # the same fields
        assert call_turn.finish_reason == "tool_calls"
        assert call_turn.message.tool_calls
        call = call_turn.message.tool_calls[0]
        assert call.type == "function"
        assert call.function.name == "get_weather"
        assert isinstance(json.loads(call.function.arguments)["city"], str)
        # A plain client echoes what the standard knows, and drops the rest.
        messages.append(
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {
                            "name": call.function.name,
                            "arguments": call.function.arguments,
                        },
                    }
                ],
            }
        )
        messages.append({"role": "tool", "tool_call_id": call.id, "content": reading})
        last = await client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
        assert reading in (last.choices[0].message.content or "")
        assert last.choices[0].finish_reason == "stop"
        messages.append({"role": "assistant", "content": last.choices[0].message.content or ""})
        messages.append({"role": "user", "content": "And now?"})


async def test_image_as_data_url_reaches_the_upstream(
    system: System, client: openai.AsyncOpenAI
) -> None:
    await client.chat.completions.create(
        model=MODEL,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is on this picture?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                ],
            }
        ],
    )

    async with system.control() as control:
        received = await control.requests(limit=20)
    bodies = [r.json() for r in received if PIXEL.encode() in r.body]
    assert bodies, "the picture did not arrive"
    assert bodies[-1]["contents"][0]["parts"][1] == {
        "inlineData": {"mimeType": "image/png", "data": PIXEL}
    }


@pytest.mark.parametrize("given", [["one", "two", "three"], "alone"])
async def test_embeddings_in_both_encodings_agree(
    client: openai.AsyncOpenAI, given: list[str] | str
) -> None:
    as_default = await client.embeddings.create(
        model="gemini-embedding-001", input=given, dimensions=64
    )
    as_float = await client.embeddings.create(
        model="gemini-embedding-001", input=given, dimensions=64, encoding_format="float"
    )
    as_base64 = await client.embeddings.create(
        model="gemini-embedding-001", input=given, dimensions=64, encoding_format="base64"
    )

    count = len(given) if isinstance(given, list) else 1
    assert [row.index for row in as_float.data] == list(range(count))
    assert all(len(row.embedding) == 64 for row in as_float.data)
    for one, other in zip(as_default.data, as_float.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    raw = as_base64.data[0].embedding
    assert isinstance(raw, str)
    assert len(base64.b64decode(raw)) == 64 * 4
    assert as_float.usage.prompt_tokens > 0


async def test_models_are_listed_and_read(client: openai.AsyncOpenAI) -> None:
    listed = [model.id async for model in await client.models.list()]

    assert MODEL in listed
    assert not any(name.startswith("models/") for name in listed)
    assert (await client.models.retrieve(MODEL)).id == MODEL
    # The SDK escapes the slash of such an id.
    assert (await client.models.retrieve("models/gemini-2.5-pro")).id == "gemini-2.5-pro"


async def test_errors_are_those_the_sdk_knows(system: System, client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(
            model="gemini-99", messages=[{"role": "user", "content": "hi"}]
        )
    assert "gemini-99" in unknown.value.message
    assert unknown.value.request_id

    stranger = openai.AsyncOpenAI(api_key="sk-nobody-knows-me", base_url=f"{system.url}/v1")
    with pytest.raises(openai.AuthenticationError) as refused:
        await stranger.models.list()
    assert refused.value.code == "invalid_api_key"
    assert refused.value.response.headers["x-should-retry"] == "false"
    await stranger.close()
