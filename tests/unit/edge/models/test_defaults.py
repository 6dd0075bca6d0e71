"""What the settings add to requests that do not say it themselves, in both dialects."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from tests.support.edge_in_memory import EdgeInMemory
from tests.unit.edge.models.asking import MODEL, answer, chat, generate, message, post_chat

Ask = Callable[..., Awaitable[Any]]
every_dialect = pytest.mark.parametrize("ask", [generate, chat, message])

HARASSMENT = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}
HATE = {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}
OWN = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_LOW_AND_ABOVE"}


async def test_nothing_is_changed_where_nothing_is_to_be_added() -> None:
    edge = EdgeInMemory(search_models=MODEL, image_models=MODEL, thinking_models=MODEL)
    body = b'{ "contents" :[{"parts":[{"text":"hi"}]}],  "x": 1.50, "big": 123456789012345678901 }'

    await edge.post(f"/v1beta/models/{MODEL}:generateContent", body, answer())

    assert edge.upstream.calls[-1].body == body


@every_dialect
async def test_safety_settings_are_a_default(ask: Ask) -> None:
    edge = EdgeInMemory(safety_settings=orjson.dumps([HARASSMENT, HATE]).decode())

    assert (await ask(edge, MODEL))["safetySettings"] == [HARASSMENT, HATE]


@pytest.mark.parametrize("name", ["safetySettings", "safety_settings"])
async def test_the_clients_own_safety_settings_stand(name: str) -> None:
    edge = EdgeInMemory(safety_settings=[HARASSMENT, HATE])

    sent = await generate(edge, MODEL, **{name: [OWN]})

    assert sent[name] == [OWN, HATE]
    assert not {"safetySettings", "safety_settings"} - {name} & sent.keys()


async def test_an_openai_clients_own_safety_settings_stand() -> None:
    edge = EdgeInMemory(safety_settings=[HARASSMENT, HATE])

    sent = await chat(edge, MODEL, google={"safety_settings": [OWN]})

    assert sent["safetySettings"] == [OWN, HATE]


@every_dialect
@pytest.mark.parametrize("table", ['{"gemini-2.5-flash": 512}', '{"gemini-2.5-*": 512}'])
async def test_a_budget_for_thinking_is_a_default(ask: Ask, table: str) -> None:
    edge = EdgeInMemory(thinking_budget_map=table)

    assert (await ask(edge, MODEL))["generationConfig"] == {
        "thinkingConfig": {"thinkingBudget": 512}
    }
    assert "generationConfig" not in await ask(edge, "gemini-2.0-flash")


@every_dialect
async def test_thoughts_are_shown_with_it(ask: Ask) -> None:
    edge = EdgeInMemory(
        thinking_budget_map={"a": 1, MODEL: -1, "gemini-2.5-pro": 0},
        show_thinking_process=True,
        thinking_models="gemini-3-*",
    )

    assert (await ask(edge, MODEL))["generationConfig"]["thinkingConfig"] == {
        "thinkingBudget": -1,
        "includeThoughts": True,
    }
    assert (await ask(edge, "gemini-3-flash-preview"))["generationConfig"]["thinkingConfig"] == {
        "includeThoughts": True
    }
    # Google refuses to show thoughts where there are none.
    assert (await ask(edge, "gemini-2.5-pro"))["generationConfig"]["thinkingConfig"] == {
        "thinkingBudget": 0
    }
    assert "generationConfig" not in await ask(edge, "gemini-2.5-flash-lite")


@pytest.mark.parametrize("spelling", ["thinkingBudget", "thinking_budget"])
async def test_the_clients_own_budget_stands(spelling: str) -> None:
    edge = EdgeInMemory(thinking_budget_map={MODEL: 512}, show_thinking_process=True)
    holder = "thinkingConfig" if spelling == "thinkingBudget" else "thinking_config"
    shown = "includeThoughts" if spelling == "thinkingBudget" else "include_thoughts"

    sent = await generate(
        edge, MODEL, generationConfig={holder: {spelling: 7, shown: False}, "topK": 3}
    )

    assert sent["generationConfig"] == {holder: {spelling: 7, shown: False}, "topK": 3}


async def test_an_effort_stands() -> None:
    edge = EdgeInMemory(thinking_budget_map={MODEL: 512})

    sent = await chat(edge, MODEL, reasoning_effort="high")

    assert sent["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 24576


async def test_hidden_thoughts_are_not_asked_for() -> None:
    edge = EdgeInMemory(show_thinking_process=False)

    sent = await chat(edge, MODEL, reasoning_effort="high")

    assert sent["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 24576}
    assert "generationConfig" not in await chat(edge, MODEL)


async def test_hidden_thoughts_are_not_asked_for_in_anthropics_dialect_either() -> None:
    edge = EdgeInMemory(show_thinking_process=False)

    sent = await message(
        edge, MODEL, max_tokens=99, thinking={"type": "adaptive", "display": "summarized"}
    )

    assert "includeThoughts" not in sent["generationConfig"]["thinkingConfig"]


@every_dialect
async def test_code_execution_and_addresses_are_offered(ask: Ask) -> None:
    edge = EdgeInMemory(
        tools_code_execution_enabled=True,
        url_context_enabled=True,
        url_context_models='["gemini-2.5-flash"]',
        search_models="*",
    )

    assert (await ask(edge, MODEL))["tools"] == [{"codeExecution": {}}, {"urlContext": {}}]
    assert (await ask(edge, "gemini-2.5-pro"))["tools"] == [{"codeExecution": {}}]
    assert (await ask(edge, f"{MODEL}-search"))["tools"] == [
        {"googleSearch": {}},
        {"urlContext": {}},
    ]
    for without in ("gemma-3-27b-it", "gemini-2.5-flash-image", "gemini-2.5-flash-preview-tts"):
        assert "tools" not in await ask(edge, without)


async def test_tools_of_the_settings_give_way_without_a_word() -> None:
    edge = EdgeInMemory(tools_code_execution_enabled=True)
    tools = [{"type": "function", "function": {"name": "add"}}]

    told = await post_chat(edge, MODEL, answer(), tools=tools)
    structured = await post_chat(edge, MODEL, answer(), response_format={"type": "json_object"})

    for call in edge.upstream.calls:
        assert b"codeExecution" not in call.body
    for each in (told, structured):
        assert each.status == 200
        assert "x-gemini-balance-ignored" not in each.headers


async def test_modern_models_take_tools_beside_json() -> None:
    edge = EdgeInMemory(search_models="gemini-3-*")

    sent = await chat(edge, "gemini-3-pro-preview-search", response_format={"type": "json_object"})

    assert sent["tools"] == [{"googleSearch": {}}]


GROUNDING = {
    "groundingChunks": [
        {"web": {"uri": "https://a.example/x", "title": "A [page]"}},
        {"web": {"uri": "https://a.example/x", "title": "again"}},
        {"web": {"uri": "https://b.example/"}},
        {"web": {"uri": "javascript:alert(1)", "title": "no"}},
        {"retrievedContext": {}},
    ]
}
SOURCES = (
    "\n\n---\n**Sources**\n\n1. [A page](<https://a.example/x>)"
    "\n2. [https://b.example/](<https://b.example/>)"
)


@pytest.mark.parametrize("is_shown", [False, True])
async def test_what_a_search_found_may_stand_behind_the_text(is_shown: bool) -> None:
    edge = EdgeInMemory(show_search_link=is_shown)
    script = answer({"text": "It is."}, groundingMetadata=GROUNDING)

    whole = await post_chat(edge, MODEL, script)
    event = b"data: " + bytes(script.pieces[0]) + b"\n\n"
    script.pieces = [event]
    stream = await post_chat(edge, MODEL, script, stream=True)

    text = "It is." + (SOURCES if is_shown else "")
    assert whole.json()["choices"][0]["message"]["content"] == text
    frames = [orjson.loads(line[6:]) for line in stream.body.splitlines() if line[6:7] == b"{"]
    deltas = [frame["choices"][0]["delta"].get("content") or "" for frame in frames]
    assert "".join(deltas) == text
