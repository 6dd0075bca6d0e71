"""Gemini's own dialect: a relay that changes the credential and little else."""

from dataclasses import replace
from typing import Any

import orjson

from services.edge.aliases import model_for, rename_models
from services.edge.calls import (
    Call,
    forwarded_headers,
    forwarded_query,
    operation_of,
    stream_query,
)
from services.edge.clients import check_model_allowed, check_scope
from services.edge.dialects import Dialect
from services.edge.disconnect import ClientWatch
from services.edge.errors import bad_request, not_built
from services.edge.gemini_voices import ArrayVoice, EventVoice
from services.edge.http import Exchange, json_object
from services.edge.leasing.lease import Need
from services.edge.needs import Asker, need_of, with_content
from services.edge.paths import Method, check_model
from services.edge.plain import fetch
from services.edge.relaying import relay_stream
from services.edge.resources.access import bound_to, may_name_something
from services.edge.resources.making import Making
from services.edge.resources.targets import check_unowned
from services.edge.runtime import Runtime
from services.judging import Operation

_BATCH_VERBS = frozenset({"batchGenerateContent", "asyncBatchEmbedContent"})

_SHAPES: tuple[tuple[tuple[str, ...], type | tuple[type, ...], str], ...] = (
    (("contents",), (list, dict, str), "a list"),
    (("generationConfig", "generation_config"), dict, "an object"),
    (("systemInstruction", "system_instruction"), (dict, str), "an object"),
    (("tools",), (list, dict), "a list"),
    (("safetySettings", "safety_settings"), list, "a list"),
    (("requests",), list, "a list"),
)


class GeminiRoutes:
    """The routes under `/v1beta`, `/v1` and `/v1alpha`."""

    def __init__(self, runtime: Runtime, making: Making) -> None:
        """Take the shared parts."""
        self._runtime = runtime
        self._making = making

    async def method(self, exchange: Exchange, version: str, method: Method) -> None:
        """Relay a verb on a model, whatever the verb."""
        named = method.model
        if method.collection == "models":
            method = replace(method, model=model_for(self._runtime.settings.model_aliases, named))
        asker = await self._admit(exchange, method.model)
        body = await exchange.read_body(self._runtime.settings.max_body_bytes)
        request = _check_body(
            body, required=method.verb in {"generateContent", "streamGenerateContent"}
        )
        if method.model != named and rename_models(request, method.model):
            body = orjson.dumps(request)
        operation = operation_of(method.verb)
        query = forwarded_query(exchange.query, creates=operation is Operation.CREATE)
        is_stream, as_array = method.verb == "streamGenerateContent", False
        if is_stream:
            query, as_array = stream_query(query)
        name = f"{method.collection}/{method.model}"
        # Google counts batches apart: what is refused to one says nothing of generating.
        model = f"batches.{method.model}" if method.verb in _BATCH_VERBS else method.model
        need = need_of(self._runtime.settings, asker, model, operation)
        if need.operation is Operation.GENERATE:
            need = with_content(need, body, request)
        call = _call(exchange, f"/{version}/{name}:{method.verb}", query, body, need)
        access = self._runtime.access
        if method.collection == "tunedModels":
            call = bound_to(call, await access.resolve(need, [name]))
        if may_name_something(call):
            call = await access.cite(call, request)
        if is_stream:
            voice = ArrayVoice() if as_array else EventVoice()
            await relay_stream(self._runtime, exchange, call, voice)
        else:
            await self._whole(exchange, call)

    async def read_models(self, exchange: Exchange, version: str, model: str) -> None:
        """Relay the list of models, or one of them."""
        model = model_for(self._runtime.settings.model_aliases, model)
        asker = await self._admit(exchange, model)
        tail = f"models/{check_model(model)}" if model else "models"
        need = need_of(self._runtime.settings, asker, "", Operation.READ)
        query = forwarded_query(exchange.query)
        await self._whole(exchange, _call(exchange, f"/{version}/{tail}", query, b"", need))

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

    async def _admit(self, exchange: Exchange, model: str) -> Asker:
        client = await self._runtime.clients.identify(exchange)
        check_scope(client, "models")
        if model:
            check_model_allowed(client, model)
        return Asker(exchange, client)

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
