"""A loop of calls and results over the real SDK, whose key dies in the middle."""

import json
from typing import Any

import openai
import pytest

from services.simulator.control import SimulatorControl
from tests.support.system import Pool, System

MODEL = "gemini-3-flash-preview"
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    for name in ("weather", "traffic", "news")
]


async def ask(
    sdk: openai.AsyncOpenAI, messages: list[Any], *, is_stream: bool
) -> tuple[Any, str, str]:
    """Return the message, its finish reason, and the alias of the key that answered."""
    options: Any = {"model": MODEL, "messages": messages, "tools": TOOLS}
    if not is_stream:
        raw = await sdk.chat.completions.with_raw_response.create(**options)
        choice = raw.parse().choices[0]
        return choice.message, choice.finish_reason, raw.headers["x-gemini-balance-key"]
    async with sdk.chat.completions.stream(**options) as events:
        final = (await events.get_final_completion()).choices[0]
        alias = events._response.headers["x-gemini-balance-key"]
    return final.message, final.finish_reason, alias


def echoed(message: Any, *, keeps_extras: bool) -> dict[str, Any]:
    """Return the message as a client sends it back: as it was told, or what it knows of it."""
    if keeps_extras:
        return dict(message.model_dump(exclude_none=True, exclude={"parsed"}))
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


async def last_signatures(control: SimulatorControl) -> list[list[str]]:
    """Return the signatures of the calls in each turn of the last request."""
    request = (await control.requests(limit=1))[-1].json()
    return [
        [part.get("thoughtSignature", "") for part in content["parts"] if "functionCall" in part]
        for content in request["contents"]
        if content["role"] == "model"
    ]


async def kill(system: System, pool: Pool, control: SimulatorControl, alias: str) -> None:
    (dead,) = [key for key in pool.keys if alias.endswith(key[-4:])]
    await control.put_key(dead, state="leaked")


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("keeps_extras", [False, True])
async def test_three_rounds_of_parallel_calls_across_the_death_of_a_key(
    system: System, is_stream: bool, keeps_extras: bool
) -> None:
    pool = await system.new_pool(3)
    messages: list[Any] = [{"role": "user", "content": "Call all tools for Oslo."}]
    aliases, signatures = [], []
    async with (
        system.control() as control,
        openai.AsyncOpenAI(api_key=pool.token, base_url=f"{system.url}/v1", max_retries=0) as sdk,
    ):
        await control.set_behaviour(bind_signatures=True)
        try:
            for number in range(3):
                message, reason, alias = await ask(sdk, messages, is_stream=is_stream)
                assert reason == "tool_calls"
                names = [call.function.name for call in message.tool_calls]
                assert names == ["weather", "traffic", "news"]
                assert len({call.id for call in message.tool_calls}) == 3
                aliases.append(alias)
                if number == 0:
                    await kill(system, pool, control, alias)
                messages.append(echoed(message, keeps_extras=keeps_extras))
                # In another order than they were called in.
                messages += [
                    {
                        "role": "tool",
                        "tool_call_id": call.id,
                        "content": json.dumps({call.function.name: f"{number} in Oslo"}),
                    }
                    for call in reversed(message.tool_calls)
                ]
                answer, reason, _ = await ask(sdk, messages, is_stream=is_stream)
                assert reason == "stop"
                for name in names:
                    assert f'"{name}":"{number} in Oslo"' in answer.content
                signatures.append(await last_signatures(control))
                messages.append({"role": "assistant", "content": answer.content})
                messages.append({"role": "user", "content": "Call all tools again."})
        finally:
            await control.set_behaviour(bind_signatures=False)

    # The killed key answered the first round only, and one other all that followed.
    assert aliases[0] not in aliases[1:]
    assert aliases[1] == aliases[2]
    for turns in signatures:
        for turn in filter(None, turns):
            assert turn[0], "the first of parallel calls is signed"
            assert turn[1:] == ["", ""]


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("words", ["Call all tools for Oslo.", "Tell me of Oslo."])
async def test_a_conversation_stays_with_its_project(
    system: System, words: str, is_stream: bool
) -> None:
    """Where any key would do, the next round goes where the signatures are good."""
    pool = await system.new_pool(5)
    question = {"role": "user", "parts": [{"text": words}]}
    contents: list[Any] = [question]
    told = set()
    asked: dict[str, Any] = {"contents": contents}
    if "tools" in words:
        declared = [{"name": tool["function"]["name"]} for tool in TOOLS]
        asked["tools"] = [{"functionDeclarations": declared}]
    verb = "streamGenerateContent?alt=json" if is_stream else "generateContent"
    async with system.control() as control, system.client(pool) as client:
        await control.set_behaviour(bind_signatures=True)
        try:
            for _ in range(4):
                answer = await client.post(f"/v1beta/models/{MODEL}:{verb}", json=asked)
                assert answer.status_code == 200, answer.text
                alias = answer.headers["x-gemini-balance-key"]
                told.add((alias, answer.headers["x-gemini-balance-attempts"]))
                events = answer.json() if is_stream else [answer.json()]
                parts: list[Any] = []
                for event in events:
                    for part in event["candidates"][0]["content"].get("parts", []):
                        if part.get("text") != "":
                            parts.append(part)
                        elif signature := part.get("thoughtSignature"):
                            # A stream may sign its last words in a part of its own.
                            parts[-1]["thoughtSignature"] = signature
                assert any("thoughtSignature" in part for part in parts)
                results = [
                    {"functionResponse": part["functionCall"] | {"args": None, "response": {}}}
                    for part in parts
                    if "functionCall" in part
                ]
                for result in results:
                    del result["functionResponse"]["args"]
                contents += [
                    {"role": "model", "parts": parts},
                    {"role": "user", "parts": results or question["parts"]},
                ]
        finally:
            await control.set_behaviour(bind_signatures=False)

    assert len(told) == 1, told
    assert {attempts for _, attempts in told} == {"1"}
