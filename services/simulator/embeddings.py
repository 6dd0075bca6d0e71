"""Embeddings: unit vectors that depend on nothing but the model and the text."""

from collections import Counter
from typing import Any

from services.simulator.calls import Call
from services.simulator.catalog import Model
from services.simulator.errors import invalid
from services.simulator.faults import Fault
from services.simulator.generate import find_model, write_json
from services.simulator.http import Exchange
from services.simulator.rules import check_parts
from services.simulator.tokens import count_content, details
from services.simulator.validation import read_message
from services.simulator.vectors import vector

_LARGEST_BATCH = 100


async def embed(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer `embedContent`."""
    body = await exchange.read_body()
    model = find_model(call, "embedContent", kinds={"embedding"})
    request = read_message("EmbedContentRequest", body)
    _check(request, model, "EmbedContentRequest")
    call.world.charge(call.project, model.name, _tokens(request))
    await exchange.answer(200, write_json({"embedding": {"values": _vector_for(request, model)}}))


async def embed_batch(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer `batchEmbedContents`."""
    body = await exchange.read_body()
    model = find_model(call, "embedContent", kinds={"embedding"})
    requests = read_message("BatchEmbedContentsRequest", body).get("requests", [])
    if not requests:
        raise invalid("* BatchEmbedContentsRequest.requests: requests is not specified\n")
    if len(requests) > _LARGEST_BATCH:
        raise invalid(
            "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n"
        )
    for index, request in enumerate(requests):
        _check(request, model, f"BatchEmbedContentsRequest.requests[{index}]", needs_model=True)
    tokens = sum(_tokens(request) for request in requests)
    call.world.charge(call.project, model.name, tokens)
    reply: dict[str, Any] = {
        "embeddings": [{"values": _vector_for(request, model)} for request in requests]
    }
    if model.generation > 2.0:
        reply["usageMetadata"] = {
            "promptTokenCount": tokens,
            "promptTokenDetails": details(Counter(TEXT=tokens)),
        }
    await exchange.answer(200, write_json(reply))


def _check(request: dict[str, Any], model: Model, owner: str, *, needs_model: bool = False) -> None:
    named = request.get("model", "")
    if needs_model and not named:
        raise invalid(f"* {owner}.model: model is required\n")
    if named and named != f"models/{model.name}":
        raise invalid(f"* {owner}.model: must match the model of the request's path\n")
    if not request.get("content", {}).get("parts"):
        raise invalid(f"* {owner}.content: contents is not specified\n")
    check_parts(request["content"], f"{owner}.content")
    if not 1 <= request.get("outputDimensionality", model.dimensions) <= model.dimensions:
        raise invalid(
            f"* {owner}.output_dimensionality: must be in the range [1, {model.dimensions}]\n"
        )


def _tokens(request: dict[str, Any]) -> int:
    return count_content(request["content"]).total()


def _vector_for(request: dict[str, Any], model: Model) -> list[float]:
    text = "\n".join(
        part["text"] if "text" in part else repr(sorted(part.items()))
        for part in request["content"]["parts"]
    )
    return vector(model.name, text, request.get("outputDimensionality", model.dimensions))
