"""The real `anthropic` SDK against the running system."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest

from services.simulator.control import SimulatorControl
from services.simulator.faults import FaultKind
from tests.support.system import Pool, System

MODEL = "gemini-2.5-flash"
SIGNING = "gemini-3-flash-preview"
THINKING: Any = {"type": "enabled", "budget_tokens": 2048}
TOOLS: list[Any] = [
    {
        "name": name,
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    for name in ("weather", "traffic", "news")
]
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(params=["", "/anthropic"])
async def sdk(
    system: System, pool: Pool, request: pytest.FixtureRequest
) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """Anthropic's SDK, below either of its roots."""
    async with client_of(system, pool.token, root=request.param) as client:
        yield client


def client_of(system: System, token: str, *, root: str = "") -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=token, base_url=system.url + root, max_retries=0)


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def test_a_message(sdk: anthropic.AsyncAnthropic) -> None:
    message = await sdk.messages.create(
        model=MODEL,
        max_tokens=1000,
        system=[{"type": "text", "text": "Be terse.", "cache_control": {"type": "ephemeral"}}],
        messages=said("please repeat marzipan"),
    )

    (block,) = message.content
    assert block.type == "text"
    assert "marzipan" in block.text
    assert message.stop_reason == "end_turn"
    assert message.model == MODEL
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


def told_of(message: anthropic.types.Message) -> list[tuple[str, str]]:
    """Return the kinds of a message's blocks, and their words."""
    return [
        (block.type, block.thinking if block.type == "thinking" else getattr(block, "text", ""))
        for block in message.content
    ]


async def test_a_stream_equals_the_plain_answer(sdk: anthropic.AsyncAnthropic) -> None:
    asked: Any = {
        "model": MODEL,
        "max_tokens": 5000,
        "thinking": THINKING,
        "messages": said("a long tale of a fox, told slowly " * 20),
    }
    plain = await sdk.messages.create(**asked)

    async with sdk.messages.stream(**asked) as stream:
        kinds = [event.type async for event in stream]
        streamed = await stream.get_final_message()

    assert [block.type for block in plain.content] == ["thinking", "text"]
    assert told_of(streamed) == told_of(plain)
    assert streamed.stop_reason == plain.stop_reason == "end_turn"
    assert streamed.usage.output_tokens == plain.usage.output_tokens
    assert streamed.usage.input_tokens == plain.usage.input_tokens
    assert kinds.count("text") > 1
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"


async def test_too_little_room_is_told(sdk: anthropic.AsyncAnthropic) -> None:
    message = await sdk.messages.create(
        model="gemini-2.0-flash", max_tokens=2, messages=said("a b c d e f g h i j k l")
    )

    assert message.stop_reason == "max_tokens"


async def test_a_blocked_prompt_is_a_refusal(sdk: anthropic.AsyncAnthropic) -> None:
    message = await sdk.messages.create(model=MODEL, max_tokens=99, messages=said("[[block]]"))

    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert "PROHIBITED_CONTENT" in (message.stop_details.explanation or "")


async def test_structured_output(sdk: anthropic.AsyncAnthropic) -> None:
    schema: Any = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }

    message = await sdk.messages.create(
        model=MODEL,
        max_tokens=999,
        messages=said("the capital of Norway"),
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )

    (block,) = message.content
    assert block.type == "text"
    assert isinstance(json.loads(block.text)["city"], str)


async def test_images_and_documents(system: System, sdk: anthropic.AsyncAnthropic) -> None:
    pdf = base64.b64encode(b"%PDF-1.4 words").decode()
    content: Any = [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
        },
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": pdf},
            "title": "Report",
        },
        {"type": "text", "text": "what is on it?"},
    ]

    message = await sdk.messages.create(
        model=MODEL, max_tokens=999, messages=[{"role": "user", "content": content}]
    )

    assert message.stop_reason == "end_turn"
    async with system.control() as control:
        parts = (await control.requests(limit=1))[-1].json()["contents"][0]["parts"]
    assert [part["inlineData"]["data"] for part in parts if "inlineData" in part] == [PIXEL, pdf]


async def test_tokens_are_counted(sdk: anthropic.AsyncAnthropic) -> None:
    short = await sdk.messages.count_tokens(model=MODEL, messages=said("hi"))
    long = await sdk.messages.count_tokens(
        model=MODEL, messages=said("hi " * 100), system="Be terse.", tools=TOOLS, thinking=THINKING
    )

    assert 0 < short.input_tokens < long.input_tokens


async def test_models(sdk: anthropic.AsyncAnthropic) -> None:
    listed = [model.id async for model in sdk.models.list(limit=3)]
    one = await sdk.models.retrieve(MODEL)

    assert MODEL in listed
    assert len({*listed}) == len(listed) > 3
    assert one.id == MODEL
    assert one.max_tokens


@anthropic.beta_async_tool
async def forecast(city: str) -> str:
    """Tell the weather of a city."""
    return f"21 degrees in {city}"


async def test_the_tool_runner_goes_on_without_a_thread(sdk: anthropic.AsyncAnthropic) -> None:
    runner = sdk.beta.messages.tool_runner(
        model=SIGNING, max_tokens=999, messages=said("how warm is it?"), tools=[forecast]
    )

    last = await runner.until_done()

    assert last.content[0].type == "text"
    assert "21 degrees in" in last.content[0].text


async def ask(
    sdk: anthropic.AsyncAnthropic, messages: list[Any], *, is_stream: bool, thinks: bool
) -> anthropic.types.Message:
    options: Any = {"model": SIGNING, "max_tokens": 9000, "messages": messages, "tools": TOOLS}
    if thinks:
        options["thinking"] = THINKING
    if not is_stream:
        message: anthropic.types.Message = await sdk.messages.create(**options)
        return message
    async with sdk.messages.stream(**options) as stream:
        return await stream.get_final_message()


async def signatures(control: SimulatorControl) -> list[list[str]]:
    """Return the signatures of the calls in each turn of the last request."""
    contents = (await control.requests(limit=1))[-1].json()["contents"]
    turns = [
        [part.get("thoughtSignature", "") for part in content["parts"] if "functionCall" in part]
        for content in contents
        if content["role"] == "model"
    ]
    return [turn for turn in turns if turn]


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("thinks", [False, True])
async def test_two_rounds_of_parallel_calls(
    system: System, pool: Pool, is_stream: bool, thinks: bool
) -> None:
    messages: list[Any] = said("Call all tools for Oslo.")
    async with system.control() as control, client_of(system, pool.token) as sdk:
        await control.set_behaviour(bind_signatures=True)
        try:
            for number in range(2):
                answer = await ask(sdk, messages, is_stream=is_stream, thinks=thinks)
                assert answer.stop_reason == "tool_use"
                calls = [block for block in answer.content if block.type == "tool_use"]
                assert [call.name for call in calls] == ["weather", "traffic", "news"]
                assert (answer.content[0].type == "thinking") == thinks
                messages.append({"role": "assistant", "content": answer.content})
                # In another order than they were called in.
                results = [
                    {
                        "type": "tool_result",
                        "tool_use_id": call.id,
                        "content": json.dumps({call.name: f"{number} in Oslo"}),
                    }
                    for call in reversed(calls)
                ]
                messages.append({"role": "user", "content": results})
                answer = await ask(sdk, messages, is_stream=is_stream, thinks=thinks)
                assert answer.stop_reason == "end_turn"
                text = next(block.text for block in answer.content if block.type == "text")
                assert all(f'"{call.name}":"{number} in Oslo"' in text for call in calls)
                for turn in await signatures(control):
                    assert turn[0], "the first of parallel calls is signed"
                    assert turn[1:] == ["", ""]
                messages.append({"role": "assistant", "content": answer.content})
                messages.append({"role": "user", "content": "Call all tools again."})
        finally:
            await control.set_behaviour(bind_signatures=False)


@pytest.mark.parametrize(
    ("changes", "error", "kind", "words"),
    [
        ({"max_tokens": 0}, anthropic.BadRequestError, "invalid_request_error", "max_tokens"),
        ({"messages": []}, anthropic.BadRequestError, "invalid_request_error", "messages"),
        ({"model": "no-such-model"}, anthropic.NotFoundError, "not_found_error", "no-such-model"),
    ],
)
async def test_errors_are_those_of_the_sdk(
    sdk: anthropic.AsyncAnthropic,
    changes: dict[str, Any],
    error: type[anthropic.APIStatusError],
    kind: str,
    words: str,
) -> None:
    asked: dict[str, Any] = {"model": MODEL, "max_tokens": 9, "messages": said("hi")} | changes

    with pytest.raises(error, match=words) as told:
        await sdk.messages.create(**asked)

    assert told.value.type == kind
    assert told.value.request_id == told.value.response.headers["x-request-id"]


async def test_a_bad_token(system: System) -> None:
    async with client_of(system, "sk-unknown") as sdk:
        with pytest.raises(anthropic.AuthenticationError) as told:
            await sdk.messages.create(model=MODEL, max_tokens=9, messages=said("hi"))

    assert told.value.type == "authentication_error"
    # Claude Code tries a bare 401 again for minutes.
    assert told.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("overloaded", anthropic.APIStatusError, "overloaded_error"),
        ("rate_limit_minute", anthropic.RateLimitError, "rate_limit_error"),
    ],
)
async def test_upstream_errors(
    system: System, fault: FaultKind, error: type[anthropic.APIStatusError], kind: str
) -> None:
    pool = await system.new_pool(1)
    async with system.control() as control, client_of(system, pool.token) as sdk:
        await control.add_fault(fault, key=pool.keys[0], count=None)
        with pytest.raises(error) as told:
            # A client that cannot wait for the end of a limit.
            await sdk.messages.create(
                model=MODEL,
                max_tokens=9,
                messages=said("hi"),
                extra_headers={"x-server-timeout": "1"},
            )

    assert told.value.type == kind


@pytest.mark.parametrize(
    ("fault", "kind"), [("drop_midstream", "api_error"), ("error_chunk", "overloaded_error")]
)
async def test_a_broken_stream_is_raised(system: System, fault: FaultKind, kind: str) -> None:
    pool = await system.new_pool(1)
    text = ""
    async with system.control() as control, client_of(system, pool.token) as sdk:
        await control.add_fault(fault, key=pool.keys[0], count=None, after_chunks=2)
        with pytest.raises(anthropic.APIStatusError) as told:
            async with sdk.messages.stream(
                model=MODEL, max_tokens=5000, messages=said("a long tale, told slowly " * 20)
            ) as stream:
                async for piece in stream.text_stream:
                    text += piece

    assert text, "what had arrived was passed on"
    assert told.value.type == kind
