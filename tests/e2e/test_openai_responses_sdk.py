"""OpenAI's responses, by the real `openai` SDK against the running system."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.responses import Response
from pydantic import BaseModel

from services.simulator.control import SimulatorControl
from services.simulator.faults import FaultKind
from tests.support.system import Pool, System

MODEL = "gemini-2.5-flash"
SIGNING = "gemini-3-flash-preview"
TALE = "a long tale of a fox, told slowly " * 20
TOOLS: list[Any] = [
    {
        "type": "function",
        "name": name,
        "strict": False,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    for name in ("weather", "traffic")
]
PATCH: Any = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}


class City(BaseModel):
    """What is asked for."""

    city: str


async def test_a_response(sdk: openai.AsyncOpenAI) -> None:
    response = await sdk.responses.create(
        model=MODEL, instructions="Be terse.", input="please repeat marzipan", metadata={"a": "b"}
    )

    assert "marzipan" in response.output_text
    assert response.status == "completed"
    assert response.model == MODEL
    assert response.metadata == {"a": "b"}
    assert response.usage is not None
    assert response.usage.total_tokens > response.usage.output_tokens > 0


async def test_a_stream_equals_the_plain_answer(sdk: openai.AsyncOpenAI) -> None:
    asked: Any = {"model": MODEL, "input": TALE, "reasoning": {"summary": "auto"}}
    plain = await sdk.responses.create(**asked)

    async with sdk.responses.stream(**asked) as stream:
        events = [event async for event in stream]
        streamed = await stream.get_final_response()

    kinds = [event.type for event in events]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert streamed.output_text == plain.output_text == "".join(deltas)
    assert len(deltas) > 1
    assert [item.type for item in plain.output] == ["reasoning", "message"]
    assert told_of(streamed) == told_of(plain)
    assert streamed.usage == plain.usage
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert [event.sequence_number for event in events] == [*range(len(events))]


def told_of(response: Response) -> list[Any]:
    """Return what a response tells, without the names of its items."""
    return [
        [part.text for part in item.summary]
        if item.type == "reasoning"
        else [getattr(part, "text", "") for part in getattr(item, "content", [])]
        for item in response.output
    ]


async def test_structured_output(sdk: openai.AsyncOpenAI) -> None:
    response = await sdk.responses.parse(
        model=MODEL, input="the capital of Norway", text_format=City
    )

    assert isinstance(response.output_parsed, City)


async def test_too_little_room_is_told(sdk: openai.AsyncOpenAI) -> None:
    response = await sdk.responses.create(
        model="gemini-2.0-flash", max_output_tokens=2, input="a b c d e f g h i j k l"
    )

    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


async def test_a_blocked_prompt_is_told(sdk: openai.AsyncOpenAI) -> None:
    stream = await sdk.responses.create(model=MODEL, input="[[block]]", stream=True)

    last = [event async for event in stream][-1]

    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "content_filter"
    assert "PROHIBITED_CONTENT" in str(last.response.output[0].to_dict())


async def test_tokens_are_counted(sdk: openai.AsyncOpenAI) -> None:
    short = await sdk.responses.input_tokens.count(model=MODEL, input="hi")
    long = await sdk.responses.input_tokens.count(model=MODEL, input="hi " * 100, tools=TOOLS)

    assert 0 < short.input_tokens < long.input_tokens


async def ask(sdk: openai.AsyncOpenAI, items: Any, *, is_stream: bool, **more: Any) -> Response:
    asked: Any = {"model": SIGNING, "input": items, "tools": TOOLS} | more
    if not is_stream:
        response: Response = await sdk.responses.create(**asked)
        return response
    async with sdk.responses.stream(**asked) as stream:
        return await stream.get_final_response()


async def signatures(control: SimulatorControl) -> list[list[str]]:
    """Return the signatures of the calls in each turn of the last request."""
    contents = (await control.requests(limit=1))[-1].json()["contents"]
    turns = [
        [part.get("thoughtSignature", "") for part in content["parts"] if "functionCall" in part]
        for content in contents
        if content["role"] == "model"
    ]
    return [turn for turn in turns if turn]


def results_of(response: Response, number: int) -> list[Any]:
    """Return the results of the calls of a response, the last call's first."""
    return [
        {
            "type": "function_call_output",
            "call_id": item.call_id,
            "output": json.dumps({item.name: f"{number} in Oslo"}),
        }
        for item in reversed(response.output)
        if item.type == "function_call"
    ]


@pytest.fixture
async def signing(system: System) -> AsyncIterator[SimulatorControl]:
    """A Google that takes back nothing without the signature it was given out with."""
    async with system.control() as control:
        await control.set_behaviour(bind_signatures=True)
        try:
            yield control
        finally:
            await control.set_behaviour(bind_signatures=False)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("summary", [None, "auto"])
@pytest.mark.parametrize("is_kept", [False, True])
async def test_two_rounds_of_parallel_calls(
    sdk: openai.AsyncOpenAI,
    signing: SimulatorControl,
    is_stream: bool,
    summary: str | None,
    is_kept: bool,
) -> None:
    options: Any = {"is_stream": is_stream, "store": is_kept}
    if summary:
        options["reasoning"] = {"summary": summary}
    history: list[Any] = []
    given: Any = [{"role": "user", "content": "Call all tools for Oslo."}]
    for number in range(2):
        for step in ("called", "told"):
            history += given
            answer = await ask(sdk, given if is_kept else history, **options)
            history += [item.to_dict() for item in answer.output]
            if is_kept:
                options["previous_response_id"] = answer.id
            calls = [item for item in answer.output if item.type == "function_call"]
            if step == "called":
                assert [call.name for call in calls] == ["weather", "traffic"]
                assert (answer.output[0].type == "reasoning") == bool(summary)
                given = results_of(answer, number)
        assert all(
            f'"{name}":"{number} in Oslo"' in answer.output_text for name in ("weather", "traffic")
        )
        for turn in await signatures(signing):
            assert turn[0], "the first of parallel calls is signed"
            assert turn[1:] == [""]
        given = [{"role": "user", "content": "Call all tools again."}]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_custom_tool(
    sdk: openai.AsyncOpenAI, signing: SimulatorControl, is_stream: bool
) -> None:
    items: list[Any] = [{"role": "user", "content": "Call all tools."}]
    answer = await ask(sdk, items, is_stream=is_stream, tools=[PATCH], store=False)

    (call,) = [item for item in answer.output if item.type == "custom_tool_call"]
    assert call.name == "apply_patch"
    assert isinstance(call.input, str)
    result = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "edited it"}
    items += [*[item.to_dict() for item in answer.output], result]
    answer = await ask(sdk, items, is_stream=is_stream, tools=[PATCH], store=False)

    assert "edited it" in answer.output_text
    assert (await signatures(signing))[0][0]


async def test_a_response_is_kept_and_forgotten(sdk: openai.AsyncOpenAI) -> None:
    first = await sdk.responses.create(model=MODEL, input="please repeat marzipan")
    second = await sdk.responses.create(
        model=MODEL, input="and nougat", previous_response_id=first.id
    )

    found = await sdk.responses.retrieve(second.id)
    newest = [item async for item in sdk.responses.input_items.list(second.id, limit=2)]
    oldest = [item async for item in sdk.responses.input_items.list(second.id, order="asc")]

    assert found.to_dict() == second.to_dict()
    assert found.previous_response_id == first.id
    assert [item.id for item in oldest] == [item.id for item in reversed(newest)]
    assert [getattr(item, "role", "") for item in oldest] == ["user", "assistant", "user"]
    await sdk.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.retrieve(second.id)
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.delete(second.id)
    assert (await sdk.responses.retrieve(first.id)).id == first.id


async def test_items_can_be_referred_to(sdk: openai.AsyncOpenAI, signing: SimulatorControl) -> None:
    items: list[Any] = [{"role": "user", "content": "Call all tools for Oslo."}]
    answer = await ask(sdk, items, is_stream=True)
    items += [{"type": "item_reference", "id": item.id} for item in answer.output]
    items += results_of(answer, 1)

    answer = await ask(sdk, items, is_stream=True)

    assert '"weather":"1 in Oslo"' in answer.output_text
    assert (await signatures(signing))[0][0]


async def test_what_is_not_kept_cannot_be_gone_on_from(sdk: openai.AsyncOpenAI) -> None:
    first = await sdk.responses.create(model=MODEL, input="hi", store=False)

    with pytest.raises(openai.NotFoundError) as told:
        await sdk.responses.create(model=MODEL, input="hi", previous_response_id=first.id)

    assert told.value.code == "previous_response_not_found"
    assert told.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.retrieve(first.id)


async def test_other_clients_find_nothing(system: System, sdk: openai.AsyncOpenAI) -> None:
    mine = await sdk.responses.create(model=MODEL, input="please repeat marzipan")
    other = await system.new_pool(1)
    async with client_of(system.url, other) as theirs:
        for attempt in (
            theirs.responses.retrieve(mine.id),
            theirs.responses.delete(mine.id),
            theirs.responses.input_items.list(mine.id),
            theirs.responses.create(model=MODEL, input="hi", previous_response_id=mine.id),
        ):
            with pytest.raises(openai.NotFoundError):
                await attempt
        with pytest.raises(openai.BadRequestError, match="not found"):
            await theirs.responses.create(
                model=MODEL, input=[{"type": "item_reference", "id": mine.output[0].id or ""}]
            )

    assert (await sdk.responses.retrieve(mine.id)).output_text == mine.output_text


def client_of(url: str, pool: Pool) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=pool.token, base_url=f"{url}/v1", max_retries=0)


@pytest.mark.parametrize(
    ("changes", "error", "param"),
    [
        ({"max_output_tokens": 0}, openai.BadRequestError, "max_output_tokens"),
        ({"input": []}, openai.BadRequestError, "input"),
        ({"tools": [{"type": "mcp"}]}, openai.BadRequestError, "tools[0].type"),
        ({"model": "no-such-model"}, openai.NotFoundError, "model"),
    ],
)
async def test_errors_are_those_of_the_sdk(
    sdk: openai.AsyncOpenAI, changes: Any, error: type[openai.APIStatusError], param: str
) -> None:
    asked: Any = {"model": MODEL, "input": "hi"} | changes

    with pytest.raises(error) as told:
        await sdk.responses.create(**asked)

    assert told.value.param == param


@pytest.mark.parametrize("fault", ["drop_midstream", "error_chunk"])
async def test_a_broken_stream_fails(system: System, fault: FaultKind) -> None:
    pool = await system.new_pool(1)
    text = ""
    async with system.control() as control, client_of(system.url, pool) as sdk:
        await control.add_fault(fault, key=pool.keys[0], count=None, after_chunks=2)
        stream = await sdk.responses.create(model=MODEL, input=TALE, stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta

    assert text, "what had arrived was passed on"
    assert event.type == "response.failed"
    assert event.response.error is not None
    assert event.response.error.code == "server_error"
    assert event.response.status == "failed"
