"""The calls on models that are answered with words: generate, stream and count."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from services.simulator.answers import Answer, compose
from services.simulator.calls import Call
from services.simulator.catalog import MODELS, Model
from services.simulator.errors import invalid, model_not_found
from services.simulator.faults import Fault
from services.simulator.http import Exchange
from services.simulator.replies import Writer
from services.simulator.rules import (
    check_contents,
    check_generate,
    check_parts,
    wrong_model_for_cache,
)
from services.simulator.streams import send_stream
from services.simulator.tokens import Tally, count_request, details
from services.simulator.turns import check_signatures, check_turns
from services.simulator.validation import read_message

_GARBAGE = b'{"candidates": [{"content": {"parts": [{"te'


async def generate(call: Call, exchange: Exchange, fault: Fault | None) -> None:
    """Answer `generateContent`."""
    model, request = await _read(call, exchange)
    writer, answers = _answer(call, model, request)
    if fault and fault.kind == "garbage":
        await exchange.answer(200, _GARBAGE)
        return
    is_empty = fault is not None and fault.kind == "empty_answer"
    reply = writer.empty(answers[0]) if is_empty else writer.whole(answers)
    await exchange.answer(200, write_json(reply))


async def stream(call: Call, exchange: Exchange, fault: Fault | None) -> None:
    """Answer `streamGenerateContent`, as events or as one array."""
    model, request = await _read(call, exchange)
    writer, answers = _answer(call, model, request)
    chunks: Iterator[dict[str, Any]] = writer.chunks(answers[0])
    if fault and fault.kind == "empty_answer":
        chunks = iter([writer.empty(answers[0])])
    await send_stream(
        exchange,
        chunks,
        fault,
        as_events=wants_events(exchange),
        delay_seconds=call.world.behaviour.chunk_delay_seconds,
    )


async def count_tokens(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer `countTokens`, for bare contents or for a whole request."""
    body = await exchange.read_body()
    find_model(call, "countTokens", kinds={"text", "image", "speech", "embedding"})
    request = read_message("CountTokensRequest", body)
    inner = request.get("generateContentRequest")
    if inner is not None and request.get("contents"):
        raise invalid("contents and generateContentRequest cannot be set together.")
    counted = inner if inner is not None else request
    owner = "CountTokensRequest.generate_content_request" if inner else "CountTokensRequest"
    check_contents(counted.get("contents", []), owner)
    call.world.files.check_citations(body, counted, call.project)
    tally = count_request(counted)
    reply = {"totalTokens": tally.total(), "promptTokensDetails": details(tally)}
    await exchange.answer(200, write_json(reply))


def wants_events(exchange: Exchange) -> bool:
    """Whether a stream was asked for as server-sent events."""
    query = exchange.query
    return "sse" in {query.get("alt"), query.get("$alt")}


def find_model(call: Call, method: str, *, kinds: set[str]) -> Model:
    """Return the model that is called.

    Raises:
        ApiError: It does not exist, or not for this method.
    """
    name = call.route.name
    if name.startswith("tunedModels/"):
        name = call.world.tuned_models.get(name, call.project).base
    model = MODELS.get(name)
    if model is None or model.kind not in kinds:
        raise model_not_found(call.route.name, call.route.version, method)
    return model


def write_json(reply: dict[str, Any]) -> bytes:
    """Return a reply as Google prints it."""
    return orjson.dumps(reply, option=orjson.OPT_INDENT_2) + b"\n"


async def _read(call: Call, exchange: Exchange) -> tuple[Model, dict[str, Any]]:
    body = await exchange.read_body()
    model = find_model(call, "generateContent", kinds={"text", "image", "speech"})
    request = read_message("GenerateContentRequest", body)
    check_generate(request, model)
    if system := request.get("systemInstruction"):
        check_parts(system, "GenerateContentRequest.system_instruction")
    contents = request["contents"]
    check_turns(contents, model)
    if call.world.behaviour.bind_signatures:
        check_signatures(contents, call.project)
    call.world.files.check_citations(body, request, call.project)
    for tool in request.get("tools", []):
        search = tool.get("fileSearch", {})
        stores = search.get("fileSearchStoreNames", search.get("file_search_store_names", []))
        for store in stores:
            call.world.stores.get(store, call.project)
    return model, request


def _answer(call: Call, model: Model, request: dict[str, Any]) -> tuple[Writer, list[Answer]]:
    prompt = count_request(request)
    cached = 0
    if name := request.get("cachedContent"):
        cache = call.world.caches.get(name.removeprefix("cachedContents/"), call.project)
        if cache.model != model.name:
            raise wrong_model_for_cache(model.name, cache.model)
        cached = cache.tokens
        request = request | cache.prefix(request["contents"])
    call.world.charge(call.project, model.name, prompt.total() + cached)
    count = request.get("generationConfig", {}).get("candidateCount", 1)
    line = call.world.scripts.line(request)
    answers = [compose(request, model, call.project, number, line) for number in range(count)]
    tally: Tally = Counter(prompt)
    return Writer(model, tally, cached), answers
