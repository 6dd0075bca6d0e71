"""Holds the simulator against recordings of the real service."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.simulator.catalog import MODELS
from tests.integration.simulator.asking import events_of

FOLDER = Path(
    os.environ.get("GB_RECORDINGS")
    or Path(__file__).resolve().parents[3] / ".." / "shared" / "recordings"
)
FILE = FOLDER / "gemini.jsonl"

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason=f"no recordings of the real service: {FILE} (see GB_RECORDINGS)"
)

# What belongs to features that the simulator does not have: search, code execution, stores.
OTHER_FEATURES = {
    "groundingMetadata",
    "urlContextMetadata",
    "citationMetadata",
    "toolUsePromptTokenCount",
    "toolUsePromptTokensDetails",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "logprobsResult",
}


def exchanges(verb: str) -> list[dict[str, Any]]:
    if not FILE.is_file():
        return []
    found = []
    for line in FILE.read_text("utf-8").splitlines():
        for exchange in json.loads(line)["interactions"]:
            model, _, called = exchange["path"].rpartition("/")[2].partition(":")
            if called == verb and (exchange["status"] != 200 or model in MODELS):
                found.append(exchange)
    return found


def shape(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each path in a reply with the type that stands there."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"args", "response"}:
                yield f"{path}.{name}", "object"
            elif name not in OTHER_FEATURES:
                yield from shape(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from shape(inner, f"{path}[]")
    else:
        kind = "number" if isinstance(value, int | float) else type(value).__name__
        yield path, "bool" if isinstance(value, bool) else kind


def recorded_shapes(verb: str) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for exchange in exchanges(verb):
        if exchange["status"] == 200:
            found |= set(shape(reply_of(exchange)))
    return found


def reply_of(exchange: dict[str, Any]) -> Any:
    response = exchange["response"]
    return json.loads(response) if isinstance(response, str) else response


def request_of(exchange: dict[str, Any]) -> Any:
    request = exchange["request"]
    return json.loads(request) if isinstance(request, str) else request


def cites_a_stored_thing(request: Any) -> bool:
    """Whether a request builds on something that only the real service had."""
    text = json.dumps(request)
    kept = ("generativelanguage.googleapis.com", "cachedContents/", "fileSearchStores/")
    return any(name in text for name in kept)


async def test_requests_that_google_accepted_are_accepted(alpha: httpx.AsyncClient) -> None:
    sent = 0
    for verb in ("generateContent", "countTokens", "batchEmbedContents"):
        for exchange in exchanges(verb):
            request = request_of(exchange)
            if exchange["status"] != 200 or cites_a_stored_thing(request):
                continue
            response = await alpha.post(exchange["path"], json=request)
            assert response.status_code == 200, (exchange["path"], response.text, request)
            sent += 1

    assert sent > 100


async def test_replies_have_no_shape_that_google_does_not_send(alpha: httpx.AsyncClient) -> None:
    known = recorded_shapes("generateContent")
    seen: set[tuple[str, str]] = set()
    for exchange in exchanges("generateContent"):
        request = request_of(exchange)
        if exchange["status"] == 200 and not cites_a_stored_thing(request):
            reply = (await alpha.post(exchange["path"], json=request)).json()
            seen |= set(shape(reply))

    assert seen <= known, seen - known
    # What nearly every real reply has must be there too.
    assert {
        (".candidates[].content.parts[].text", "str"),
        (".candidates[].content.parts[].functionCall.name", "str"),
        (".candidates[].content.parts[].thoughtSignature", "str"),
        (".candidates[].content.role", "str"),
        (".candidates[].finishReason", "str"),
        (".candidates[].index", "number"),
        (".usageMetadata.promptTokenCount", "number"),
        (".usageMetadata.candidatesTokenCount", "number"),
        (".usageMetadata.thoughtsTokenCount", "number"),
        (".usageMetadata.totalTokenCount", "number"),
        (".modelVersion", "str"),
        (".responseId", "str"),
    } <= seen


async def test_streams_have_no_shape_that_google_does_not_send(alpha: httpx.AsyncClient) -> None:
    known: set[tuple[str, str]] = set()
    seen: set[tuple[str, str]] = set()
    for exchange in exchanges("streamGenerateContent"):
        for event in events_of(
            exchange["response"].replace("\r\n", "\n").replace("\n", "\r\n").encode()
        ):
            known |= set(shape(event))
        request = exchange["request"]
        if not cites_a_stored_thing(request):
            path = f"{exchange['path']}?{exchange['query']}"
            response = await alpha.post(path, json=request)
            assert (
                response.headers["content-type"] == exchange["response_headers"]["content-type"][0]
            )
            for event in events_of(response.content):
                seen |= set(shape(event))

    assert seen
    assert seen <= known, seen - known


@pytest.mark.parametrize("verb", ["countTokens", "batchEmbedContents"])
async def test_counts_and_embeddings_have_googles_shapes(
    alpha: httpx.AsyncClient, verb: str
) -> None:
    known = recorded_shapes(verb)
    for exchange in exchanges(verb):
        if exchange["status"] == 200:
            response = await alpha.post(exchange["path"], json=request_of(exchange))
            assert set(shape(response.json())) <= known

    assert known


async def test_models_that_google_did_not_find_get_the_same_words(
    alpha: httpx.AsyncClient,
) -> None:
    compared = 0
    for verb in ("generateContent", "countTokens", "batchEmbedContents"):
        for exchange in exchanges(verb):
            if exchange["status"] == 404:
                response = await alpha.post(exchange["path"], json=exchange["request"])
                assert response.status_code == 404
                assert response.json() == exchange["response"]
                compared += 1

    assert compared == 3
