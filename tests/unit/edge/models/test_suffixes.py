"""What goes upstream for each suffix, in both dialects."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.models.asking import MODEL, answer, chat, generate, message, post_chat, target

Ask = Callable[..., Awaitable[Any]]
every_dialect = pytest.mark.parametrize("ask", [generate, chat, message])

DECLARED = [{"type": "function", "function": {"name": "add"}}]


@every_dialect
@pytest.mark.parametrize("models", [MODEL, "gemini-2.*", '["gemini-2.5-flash", "x"]'])
async def test_search_offers_googles_search(ask: Ask, models: str) -> None:
    edge = EdgeInMemory(search_models=models)

    sent = await ask(edge, f"{MODEL}-search")

    assert sent["tools"] == [{"googleSearch": {}}]
    assert target(edge) == f"/v1beta/models/{MODEL}:generateContent"
    assert edge.desk.needs[-1].model == MODEL


@every_dialect
async def test_search_is_a_name_like_any_other_where_it_is_not_declared(ask: Ask) -> None:
    edge = EdgeInMemory(search_models="gemini-2.0-flash")

    sent = await ask(edge, f"{MODEL}-search")

    assert "tools" not in sent
    assert target(edge) == f"/v1beta/models/{MODEL}-search:generateContent"


async def test_search_gives_way_to_functions_and_says_so() -> None:
    edge = EdgeInMemory(search_models=MODEL)

    told = await post_chat(edge, f"{MODEL}-search", answer(), tools=DECLARED)

    assert [list(tool) for tool in edge.sent()["tools"]] == [["functionDeclarations"]]
    assert told.headers["x-gemini-balance-ignored"] == "googleSearch"


@pytest.mark.parametrize(
    "request_",
    [
        {"tools": {"function_declarations": [{"name": "add"}]}},
        {"cachedContent": "cachedContents/abc"},
        {"generation_config": {"response_mime_type": "application/json"}},
    ],
)
async def test_search_gives_way_in_geminis_dialect_too(request_: dict[str, Any]) -> None:
    edge = EdgeInMemory(search_models=MODEL)

    sent = await generate(edge, f"{MODEL}-search", **request_)

    assert sent == {"contents": [{"parts": [{"text": "hi"}]}]} | request_


async def test_search_that_is_asked_for_twice_is_offered_once() -> None:
    edge = EdgeInMemory(search_models=MODEL)

    sent = await generate(edge, f"{MODEL}-search", tools=[{"google_search": {}}])

    assert sent["tools"] == [{"google_search": {}}]


@every_dialect
@pytest.mark.parametrize("suffix", ["-image", "-image-generation"])
async def test_image_asks_for_text_and_pictures(ask: Ask, suffix: str) -> None:
    edge = EdgeInMemory(image_models="gemini-2.0-flash-exp")

    sent = await ask(edge, f"gemini-2.0-flash-exp{suffix}")

    assert sent["generationConfig"]["responseModalities"] == ["TEXT", "IMAGE"]
    assert target(edge) == "/v1beta/models/gemini-2.0-flash-exp:generateContent"


async def test_image_drops_the_system_instruction_and_says_so() -> None:
    edge = EdgeInMemory(image_models="gemini-2.0-flash-exp")
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "a cat"}]

    told = await post_chat(edge, "gemini-2.0-flash-exp-image", answer(), messages=messages)

    assert "systemInstruction" not in edge.sent()
    assert told.headers["x-gemini-balance-ignored"] == "systemInstruction"
    assert told.json()["model"] == "gemini-2.0-flash-exp-image"


async def test_image_leaves_the_clients_own_kinds_of_output() -> None:
    edge = EdgeInMemory(image_models="gemini-2.0-flash-exp")

    sent = await generate(
        edge,
        "gemini-2.0-flash-exp-image",
        generation_config={"response_modalities": ["IMAGE"], "temperature": 0.5},
    )

    assert sent["generation_config"] == {"response_modalities": ["IMAGE"], "temperature": 0.5}
    assert "generationConfig" not in sent


@every_dialect
@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("gemini-2.5-flash-image", {}),
        ("gemini-2.5-flash-image", {"image_models": '["gemini-2.5-flash-image"]'}),
        ("gemini-2.0-flash-preview-image-generation", {"image_models": "gemini-2.0-flash-exp"}),
    ],
)
async def test_a_model_whose_own_name_ends_so_is_that_model(
    ask: Ask, model: str, settings: dict[str, str]
) -> None:
    edge = EdgeInMemory(**settings)

    sent = await ask(edge, model)

    assert target(edge) == f"/v1beta/models/{model}:generateContent"
    assert "generationConfig" not in sent


@every_dialect
@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("gemini-2.5-flash", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"thinkingBudget": 128}),
        ("gemini-3-flash-preview", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-pro-preview", {"thinkingLevel": "LOW"}),
    ],
)
async def test_non_thinking_is_as_little_as_possible(
    ask: Ask, model: str, thinking: dict[str, Any]
) -> None:
    edge = EdgeInMemory(thinking_budget_map={model: 4096})

    sent = await ask(edge, f"{model}-non-thinking")

    assert sent["generationConfig"] == {"thinkingConfig": thinking}
    assert target(edge) == f"/v1beta/models/{model}:generateContent"


@every_dialect
async def test_non_thinking_of_a_model_that_never_thinks_is_that_model(ask: Ask) -> None:
    edge = EdgeInMemory()

    sent = await ask(edge, "gemini-2.0-flash-non-thinking")

    assert "generationConfig" not in sent
    assert target(edge) == "/v1beta/models/gemini-2.0-flash:generateContent"


async def test_non_thinking_stands_above_an_effort() -> None:
    sent = await chat(EdgeInMemory(), f"{MODEL}-non-thinking", reasoning_effort="high")

    assert sent["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 0}}


@every_dialect
async def test_the_model_that_draws_draws_in_chats(ask: Ask) -> None:
    edge = EdgeInMemory()

    sent = await ask(edge, "gemini-2.5-flash-image-chat")

    assert sent["generationConfig"] == {"responseModalities": ["TEXT", "IMAGE"]}
    assert target(edge) == "/v1beta/models/gemini-2.5-flash-image:generateContent"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_imagen_draws_in_chats(stream: bool) -> None:
    edge = EdgeInMemory(create_image_model="imagen-4.0-generate-001")
    drawn = Script([b'{"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "aGk="}]}'])

    told = await post_chat(
        edge,
        "imagen-4.0-generate-001-chat",
        drawn,
        messages=[{"role": "system", "content": "x"}, {"role": "user", "content": "a red kite"}],
        stream=stream,
    )

    assert told.status == 200, told.body
    assert target(edge) == "/v1beta/models/imagen-4.0-generate-001:predict"
    assert edge.sent()["instances"] == [{"prompt": "a red kite"}]
    assert b"![image](data:image/png;base64,aGk=)" in told.body
    assert b'"model":"imagen-4.0-generate-001-chat"' in told.body
    assert told.body.endswith(b"data: [DONE]\n\n") is stream


async def test_an_imagen_must_be_told_what_to_draw() -> None:
    edge = EdgeInMemory(create_image_model="imagen-4.0-generate-001")
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}

    told = await post_chat(
        edge,
        "imagen-4.0-generate-001-chat",
        messages=[{"role": "user", "content": [picture]}],
    )

    assert told.status == 400
    assert not edge.upstream.calls


async def test_a_stream_has_the_name_that_was_asked_for() -> None:
    edge = EdgeInMemory(search_models=MODEL)
    event = b"data: " + bytes(answer().pieces[0]) + b"\n\n"

    told = await post_chat(edge, f"{MODEL}-search", Script([event]), stream=True)

    assert target(edge) == f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
    assert f'"model":"{MODEL}-search"'.encode() in told.body


async def test_counting_tokens_counts_with_the_model_and_adds_nothing() -> None:
    edge = EdgeInMemory(search_models=MODEL, safety_settings=[])
    body = {"generateContentRequest": {"model": f"models/{MODEL}-search", "contents": []}}

    await edge.post(f"/v1beta/models/{MODEL}-search:countTokens", body, Script([b"{}"]))

    assert target(edge) == f"/v1beta/models/{MODEL}:countTokens"
    assert edge.sent() == {"generateContentRequest": {"model": f"models/{MODEL}", "contents": []}}


async def test_older_completions_know_suffixes_too() -> None:
    edge = EdgeInMemory(search_models=MODEL)

    told = await edge.post(
        "/v1/completions", {"model": f"{MODEL}-search", "prompt": "hi"}, answer()
    )

    assert edge.sent()["tools"] == [{"googleSearch": {}}]
    assert told.json()["model"] == f"{MODEL}-search"
