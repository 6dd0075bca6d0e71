"""From a verb on a model, asked in Gemini's dialect, to the call that goes upstream."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from services.edge.calls import (
    Call,
    forwarded_headers,
    forwarded_query,
    operation_of,
    stream_query,
)
from services.edge.clients import check_model_allowed, may_use_model
from services.edge.dialects import Dialect
from services.edge.errors import bad_request
from services.edge.gemini_voices import ArrayVoice, EventVoice
from services.edge.http import Exchange, json_object
from services.edge.leasing.lease import Need
from services.edge.models.choosing import Chosen
from services.edge.models.renaming import rename_model
from services.edge.needs import Asker, need_of, with_content
from services.edge.openai_calls import tell_ignored
from services.edge.paths import Method
from services.edge.relaying import relay_stream
from services.edge.resources.access import bound_to, may_name_something
from services.edge.runtime import Runtime
from services.judging import Operation

STREAMING = "streamGenerateContent"

_GENERATING = frozenset({"generateContent", STREAMING})
_BATCH_VERBS = frozenset({"batchGenerateContent", "asyncBatchEmbedContent"})

_SHAPES: tuple[tuple[tuple[str, ...], type | tuple[type, ...], str], ...] = (
    (("contents",), (list, dict, str), "a list"),
    (("generationConfig", "generation_config"), dict, "an object"),
    (("systemInstruction", "system_instruction"), (dict, str), "an object"),
    (("tools",), (list, dict), "a list"),
    (("safetySettings", "safety_settings"), list, "a list"),
    (("requests",), list, "a list"),
)


@dataclass(frozen=True, slots=True)
class _Order:
    """What a client asks of a model."""

    asker: Asker
    root: str
    method: Method
    body: bytes


class GeminiCalls:
    """Makes calls of requests."""

    def __init__(
        self, runtime: Runtime, cite: Callable[[Call, dict[str, Any]], Awaitable[Call]]
    ) -> None:
        """Take the shared parts, and what becomes of calls that name something."""
        self._runtime = runtime
        self._cite = cite

    async def read(self, asker: Asker, root: str, method: Method) -> Call:
        """Return the call of a request, with those of models that may answer in its place.

        Args:
            asker: Who asks, in which exchange; is told what had to be given up.
            root: What stands before `/models` upstream, such as `/v1beta`.
            method: What is asked for.

        Raises:
            ApiError: The client may not use the model or what is named, or Google would refuse
                the request anyway.
        """
        exchange = asker.exchange
        chosen = Chosen(method.model, method.model)
        if method.collection == "models":
            chosen = self._runtime.models.choices.choose(method.model)
        check_model_allowed(asker.client, chosen.model, asked=chosen.asked)
        body = await exchange.read_body(self._runtime.settings.max_body_bytes)
        order = _Order(asker, root, method, body)
        call, ignored = await self._call(order, chosen)
        if others := self._others(order, chosen):
            calls = [(await self._call(order, other))[0] for other in others]
            call = replace(call, instead=tuple(calls))
        tell_ignored(exchange, ignored)
        return call

    async def _call(self, order: _Order, chosen: Chosen) -> tuple[Call, list[str]]:
        """Return the call of a verb on a model, and what of the request had to be given up."""
        exchange, method, body = order.asker.exchange, order.method, order.body
        request = _check_body(body, required=method.verb in _GENERATING)
        ignored: list[str] = []
        is_changed = rename_model(request, chosen)
        amendments = self._runtime.models.amendments
        if method.verb in _GENERATING and amendments.concern(chosen):
            is_amended, ignored = amendments.apply(request, chosen)
            is_changed = is_changed or is_amended
        if is_changed:
            body = orjson.dumps(request)
        operation = operation_of(method.verb)
        query = forwarded_query(exchange.query, creates=operation is Operation.CREATE)
        if method.verb == STREAMING:
            query, _ = stream_query(query)
        name = f"{method.collection}/{chosen.model}"
        # Google counts batches apart: what is refused to one says nothing of generating.
        model = f"batches.{chosen.model}" if method.verb in _BATCH_VERBS else chosen.model
        need = need_of(self._runtime.settings, order.asker, model, operation)
        if need.operation is Operation.GENERATE:
            need = with_content(need, body, request)
        call = relayed(exchange, f"{order.root}/{name}:{method.verb}", query, body, need)
        if method.collection == "tunedModels":
            call = bound_to(call, await self._runtime.access.resolve(need, [name]))
        if may_name_something(call):
            call = await self._cite(call, request)
        return call, ignored

    def _others(self, order: _Order, chosen: Chosen) -> list[Chosen]:
        """Return the models that may answer in place of one."""
        if order.method.verb not in _GENERATING or order.method.collection != "models":
            return []
        return [
            other
            for other in self._runtime.models.choices.fallbacks(chosen)
            if may_use_model(order.asker.client, other.model)
        ]


def relayed(exchange: Exchange, target: str, query: str, body: bytes, need: Need) -> Call:
    """Return the call that passes a request on."""
    return Call(
        method=exchange.method,
        target=f"{target}?{query}" if query else target,
        headers=forwarded_headers(exchange.headers),
        body=body,
        need=need,
        dialect=Dialect.GEMINI,
    )


async def answer_stream(runtime: Runtime, exchange: Exchange, call: Call) -> None:
    """Answer with a stream, as events or as an array; raises as `relay_stream` does."""
    _, as_array = stream_query(exchange.query)
    await relay_stream(runtime, exchange, call, ArrayVoice() if as_array else EventVoice())


def _check_body(body: bytes, *, required: bool) -> dict[str, Any]:
    """Return the request, or raise ApiError 400 for what Google would refuse anyway."""
    if not body.strip():
        if required:
            raise bad_request("The request body is empty.", code="invalid_json")
        return {}
    request = json_object(body, orjson.loads)
    for names, kinds, wanted in _SHAPES:
        for name in names:
            value: Any = request.get(name)
            if value is not None and not isinstance(value, kinds):
                raise bad_request(f"Invalid value at '{name}': it must be {wanted}.", param=name)
    return request
