"""Gemini's own dialect: a relay that changes the credential and little else."""

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
from services.edge.clients import check_model_allowed, check_scope, may_use_model
from services.edge.dialects import Dialect
from services.edge.disconnect import ClientWatch
from services.edge.errors import bad_request, not_built
from services.edge.gemini_voices import ArrayVoice, EventVoice
from services.edge.http import Exchange, json_object
from services.edge.leasing.lease import Need
from services.edge.models.choosing import Chosen
from services.edge.models.listing import described_as
from services.edge.models.renaming import rename_model
from services.edge.needs import Asker, need_of, with_content
from services.edge.openai_calls import tell_ignored
from services.edge.paths import Method, check_model
from services.edge.plain import fetch
from services.edge.relaying import relay_stream
from services.edge.resources.access import bound_to, may_name_something
from services.edge.resources.making import Making
from services.edge.resources.targets import check_unowned
from services.edge.runtime import Runtime
from services.judging import Operation

_GENERATING = frozenset({"generateContent", "streamGenerateContent"})
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
    version: str
    method: Method
    body: bytes


class GeminiRoutes:
    """The routes under `/v1beta`, `/v1` and `/v1alpha`."""

    def __init__(self, runtime: Runtime, making: Making) -> None:
        """Take the shared parts."""
        self._runtime = runtime
        self._making = making

    async def method(self, exchange: Exchange, version: str, method: Method) -> None:
        """Relay a verb on a model, whatever the verb."""
        asker = await self._admit(exchange)
        chosen = Chosen(method.model, method.model)
        if method.collection == "models":
            chosen = self._runtime.models.choices.choose(method.model)
        check_model_allowed(asker.client, chosen.model, asked=chosen.asked)
        body = await exchange.read_body(self._runtime.settings.max_body_bytes)
        order = _Order(asker, version, method, body)
        call, ignored = await self._call(order, chosen)
        if others := self._others(order, chosen):
            calls = [(await self._call(order, other))[0] for other in others]
            call = replace(call, instead=tuple(calls))
        tell_ignored(exchange, ignored)
        if method.verb == "streamGenerateContent":
            _, as_array = stream_query(exchange.query)
            voice = ArrayVoice() if as_array else EventVoice()
            await relay_stream(self._runtime, exchange, call, voice)
        else:
            await self._whole(exchange, call)

    async def read_models(self, exchange: Exchange, version: str, model: str) -> None:
        """Relay the list of models, or one of them."""
        asker = await self._admit(exchange)
        chosen = self._runtime.models.choices.choose(check_model(model)) if model else None
        if chosen is not None:
            check_model_allowed(asker.client, chosen.model, asked=chosen.asked)
        tail = f"models/{chosen.model}" if chosen is not None else "models"
        need = need_of(self._runtime.settings, asker, "", Operation.READ)
        query = forwarded_query(exchange.query)
        call = _call(exchange, f"/{version}/{tail}", query, b"", need)
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        body = self._offered(whole.body, chosen)
        await exchange.answer(whole.status, [*whole.headers, *whole.told], body)

    async def collection(self, exchange: Exchange, what: str) -> None:
        """Relay a collection that nothing is known of, for clients that may do so."""
        client = await self._runtime.clients.identify(exchange)
        asker = Asker(exchange, client)
        if "raw" not in client.scopes or exchange.path.startswith("/upload/"):
            raise not_built(f"'{what}' collections")
        check_unowned(exchange.path)
        body = await exchange.read_body(self._runtime.settings.max_body_bytes)
        reads = exchange.method == "GET"
        operation = Operation.READ if reads else Operation.CREATE
        need = need_of(self._runtime.settings, asker, "", operation)
        query = forwarded_query(exchange.query, creates=not reads)
        call = _call(exchange, exchange.path, query, body, need)
        request = json_object(body, orjson.loads) if body.strip() else {}
        await self._whole(exchange, await self._runtime.access.cite(call, request))

    async def _admit(self, exchange: Exchange) -> Asker:
        client = await self._runtime.clients.identify(exchange)
        check_scope(client, "models")
        return Asker(exchange, client)

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
        if method.verb == "streamGenerateContent":
            query, _ = stream_query(query)
        name = f"{method.collection}/{chosen.model}"
        # Google counts batches apart: what is refused to one says nothing of generating.
        model = f"batches.{chosen.model}" if method.verb in _BATCH_VERBS else chosen.model
        need = need_of(self._runtime.settings, order.asker, model, operation)
        if need.operation is Operation.GENERATE:
            need = with_content(need, body, request)
        call = _call(exchange, f"/{order.version}/{name}:{method.verb}", query, body, need)
        access = self._runtime.access
        if method.collection == "tunedModels":
            call = bound_to(call, await access.resolve(need, [name]))
        if may_name_something(call):
            call = await access.cite(call, request)
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

    def _offered(self, body: bytes, chosen: Chosen | None) -> bytes:
        """Return a list of models, or a model, as it is offered here."""
        listing = self._runtime.models.listing
        if chosen is None and not listing.changes_lists:
            return body
        if chosen is not None and chosen.asked == chosen.model:
            return body
        try:
            told = orjson.loads(body)
        except ValueError:
            # Another form was asked for.
            return body
        if not isinstance(told, dict):
            return body
        if chosen is not None:
            return orjson.dumps(described_as(told, chosen))
        models = told.get("models")
        if isinstance(models, list):
            told["models"] = listing.of(models, chats=False)
        return orjson.dumps(told)

    async def _whole(self, exchange: Exchange, call: Call) -> None:
        makes = call.need.operation is Operation.CREATE
        async with ClientWatch(exchange):
            whole = await (self._making.make(call) if makes else fetch(self._runtime, call))
        await exchange.answer(whole.status, [*whole.headers, *whole.told], whole.body)


def _call(exchange: Exchange, target: str, query: str, body: bytes, need: Need) -> Call:
    return Call(
        method=exchange.method,
        target=f"{target}?{query}" if query else target,
        headers=forwarded_headers(exchange.headers),
        body=body,
        need=need,
        dialect=Dialect.GEMINI,
    )


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
