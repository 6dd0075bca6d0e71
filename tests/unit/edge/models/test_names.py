"""Aliases, models that are kept back, and what a token may use."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.model_names import ModelNames
from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.models.asking import (
    MODEL,
    answer,
    chat,
    generate,
    message,
    post_chat,
    post_message,
    target,
)

Ask = Callable[..., Awaitable[Any]]
every_dialect = pytest.mark.parametrize("ask", [generate, chat, message])

ALIASES = '{"gpt-*": "gemini-2.5-flash", "gpt-4o": "gemini-2.5-pro", "fast": "gemini-2.5-flash"}'


@every_dialect
@pytest.mark.parametrize(
    ("asked", "model"),
    [("gpt-4o", "gemini-2.5-pro"), ("gpt-5-mini", MODEL), ("fast", MODEL), ("faster", "faster")],
)
async def test_an_alias_is_what_it_stands_for(ask: Ask, asked: str, model: str) -> None:
    edge = EdgeInMemory(model_aliases=ALIASES)

    await ask(edge, asked)

    assert target(edge) == f"/v1beta/models/{model}:generateContent"
    assert edge.desk.needs[-1].model == model


@pytest.mark.parametrize("post", [post_chat, post_message])
async def test_the_answer_has_the_name_that_was_asked_for(post: Ask) -> None:
    edge = EdgeInMemory(model_aliases='{"google/*": "gemini-2.5-flash-search"}', search_models="*")

    told = await post(edge, "google/anything-at-all", answer())

    assert told.json()["model"] == "google/anything-at-all"
    assert target(edge) == f"/v1beta/models/{MODEL}:generateContent"
    assert edge.sent()["tools"] == [{"googleSearch": {}}]


async def test_embeddings_know_aliases() -> None:
    edge = EdgeInMemory(model_aliases='{"text-embedding-3-*": "gemini-embedding-001"}')
    values = Script([b'{"embeddings": [{"values": [0.5, 0.25]}]}'])

    told = await edge.post(
        "/v1/embeddings", {"model": "text-embedding-3-small", "input": "a"}, values
    )
    sent = edge.sent()
    await edge.post(
        "/v1beta/models/text-embedding-3-small:batchEmbedContents",
        {"requests": [{"model": "models/text-embedding-3-small", "content": {}}]},
        values,
    )

    assert told.json()["model"] == "text-embedding-3-small"
    assert sent["requests"][0]["model"] == "models/gemini-embedding-001"
    assert edge.sent() == {"requests": [{"model": "models/gemini-embedding-001", "content": {}}]}
    assert target(edge) == "/v1beta/models/gemini-embedding-001:batchEmbedContents"


@pytest.mark.parametrize(
    ("path", "request_body"),
    [
        ("/v1/images/generations", {"prompt": "a cat"}),
        ("/v1/audio/speech", {"input": "hi", "voice": "Kore"}),
        ("/v1/completions", {"prompt": "a"}),
        ("/v1/messages/count_tokens", {"messages": [{"role": "user", "content": "hi"}]}),
    ],
)
async def test_every_route_knows_aliases(path: str, request_body: dict[str, Any]) -> None:
    edge = EdgeInMemory(model_aliases='{"own": "gemini-2.5-flash"}')

    await edge.post(path, {"model": "own", **request_body}, answer())

    assert target(edge).startswith(f"/v1beta/models/{MODEL}:")
    assert b"own" not in edge.upstream.calls[-1].body


@given(st.dictionaries(st.text("ab*", max_size=3), st.text("xyz", min_size=1)), st.text("ab"))
def test_aliases_are_not_chained_and_never_lost(aliases: dict[str, str], name: str) -> None:
    assert ModelNames(aliases).upstream(name) in {name, *aliases.values()}


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/gemini-1.5-pro:generateContent",
        "/v1beta/models/gemini-1.5-pro-search:streamGenerateContent",
        "/v1beta/models/old:countTokens",
    ],
)
async def test_a_model_that_is_kept_back_is_404(path: str) -> None:
    edge = EdgeInMemory(
        filtered_models="gemini-1.*",
        search_models="gemini-1.*",
        model_aliases='{"old": "gemini-1.5-pro"}',
    )

    told = await edge.post(path, {"contents": []})

    assert told.status == 404
    assert told.json()["error"]["status"] == "NOT_FOUND"
    assert not edge.upstream.calls


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
        ("/v1/completions", {"prompt": "hi"}),
        ("/v1/embeddings", {"input": "hi"}),
        ("/v1/images/generations", {"prompt": "hi"}),
        ("/v1/audio/speech", {"input": "hi", "voice": "Puck"}),
    ],
)
async def test_it_is_404_in_openais_dialect_on_every_route(path: str, body: Any) -> None:
    edge = EdgeInMemory(filtered_models='["gemini-1.5-flash", "gemini-1.5-pro"]')

    told = await edge.post(path, {"model": "gemini-1.5-pro", **body})

    assert told.status == 404
    assert told.json()["error"]["code"] == "model_not_found"
    assert not edge.upstream.calls


@pytest.mark.parametrize(
    ("allowed", "asked", "status"),
    [
        ("gemini-2.5-flash", "gemini-2.5-flash-search", 200),
        ("gemini-2.5-flash", "gpt-4o", 403),
        ("gemini-2.5-pro", "gpt-4o", 200),
        ("gpt-4o", "gpt-4o", 200),
        ("gpt-4o", "gemini-2.5-pro", 403),
        ("gpt-4o", "gpt-5", 403),
    ],
)
async def test_a_token_is_held_to_the_model_behind_the_name(
    allowed: str, asked: str, status: int
) -> None:
    edge = EdgeInMemory(model_aliases=ALIASES, search_models="*")
    edge.clients.allowed_models = (allowed,)

    openai = await post_chat(edge, asked, answer())
    gemini = await edge.post(f"/v1beta/models/{asked}:generateContent", {"contents": []})

    assert (openai.status, gemini.status) == (status, status)


@pytest.mark.parametrize("model", [None, 5, "", "a/b", "models/"])
async def test_what_is_no_name_is_400(model: object) -> None:
    edge = EdgeInMemory()

    told = await edge.post(
        "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    )

    assert told.status == 400
    assert told.json()["error"]["param"] == "model"
