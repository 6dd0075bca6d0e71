"""Collections that belong to a project, and what is in them."""

from dataclasses import replace
from typing import Any

import orjson

from services.edge.calls import Call, forwarded_headers, forwarded_query
from services.edge.clients import check_model_allowed, check_scope
from services.edge.dialects import Dialect
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import Headers
from services.edge.errors import method_not_allowed, name_taken, pool_away
from services.edge.http import Exchange, json_object
from services.edge.leasing.lease import Need, PoolAwayError
from services.edge.needs import Asker, need_of
from services.edge.paths import check_model
from services.edge.plain import Whole, fetch
from services.edge.refusals import FailedError
from services.edge.relaying import relay_body, relay_stream
from services.edge.resources.access import bound_to
from services.edge.resources.ephemeral import DIRECTORY, check_ephemeral
from services.edge.resources.interaction_stream import InteractionVoice
from services.edge.resources.listing import Listing
from services.edge.resources.made import names_made
from services.edge.resources.making import Making, parsed
from services.edge.resources.names import root_of
from services.edge.resources.rules import tells_gone
from services.edge.resources.targets import Target
from services.edge.runtime import Runtime
from services.judging import Operation

_JSON: Headers = [(b"content-type", b"application/json; charset=UTF-8")]
_CHANGING = frozenset({"POST", "PATCH", "PUT", "DELETE"})


class ResourceRoutes:
    """The routes of collections and of what is in them; interactions are made elsewhere."""

    def __init__(self, runtime: Runtime, making: Making) -> None:
        """Take the shared parts."""
        self._runtime = runtime
        self._making = making
        self._listing = Listing(runtime)

    async def serve(self, exchange: Exchange, version: str, target: Target) -> None:
        """Serve a request for a collection, or for a thing and what lies below it."""
        client = await self._runtime.clients.identify(exchange)
        check_scope(client, target.collection.scope)
        asker = Asker(exchange, client)
        if target.root:
            await self._member(asker, version, target)
        elif exchange.method == "GET" and target.collection.listed_as:
            await self._list(asker, version, target)
        elif exchange.method == "POST" and target.collection.is_creatable:
            await self._create(asker, version, target)
        else:
            raise method_not_allowed(exchange.method, _allowed(target))

    async def _list(self, asker: Asker, version: str, target: Target) -> None:
        exchange = asker.exchange
        need = need_of(self._runtime.settings, asker, "", Operation.READ)
        place = f"{version}/{target.path}"
        async with ClientWatch(exchange):
            page = await self._listing.page(exchange, need, target.collection, place)
        await exchange.answer(200, _JSON, orjson.dumps(page))

    async def _create(self, asker: Asker, version: str, target: Target) -> None:
        exchange = asker.exchange
        call, request = await self._call(asker, version, target, Operation.CREATE)
        model = _model_of(request)
        if model:
            check_model_allowed(asker.client, model)
        if target.collection.name == "auth_tokens":
            check_ephemeral(asker.client, request)
        await self._check_free(call, _chosen_name(exchange, target, request))
        # Google counts these apart: what is refused here says nothing of generating.
        need = replace(call.need, model=".".join(filter(None, (target.collection.name, model))))
        call = await self._runtime.access.cite(replace(call, need=need), request)
        async with ClientWatch(exchange):
            whole = await self._making.make(call)
            if target.collection.name == "auth_tokens":
                await self._enlist(call.need, whole)
        await _answer(exchange, whole)

    async def _enlist(self, need: Need, whole: Whole) -> None:
        """Let the pool of an ephemeral token be found by whoever bears it."""
        made = names_made(parsed(whole.body) or {})
        await self._making.bind(replace(need, pool=DIRECTORY), need.pool, made)

    async def _check_free(self, call: Call, name: str | None) -> None:
        """Refuse a chosen name that anybody has, before a second thing of that name is made."""
        if name is None:
            return
        try:
            found = await self._runtime.registry.resolve(call.need.pool, [name])
        except PoolAwayError:
            raise pool_away() from None
        if found:
            raise name_taken(name)

    async def _member(self, asker: Asker, version: str, target: Target) -> None:
        exchange = asker.exchange
        changes = exchange.method in _CHANGING
        operation = Operation.CREATE if changes else Operation.READ
        call, request = await self._call(asker, version, target, operation)
        bindings = await self._runtime.access.resolve(call.need, [target.root])
        call = await self._runtime.access.cite(bound_to(call, bindings), request)
        alt = exchange.query_value("alt") or exchange.query_value("$alt")
        is_streamed = exchange.query_value("stream").lower() == "true"
        if not changes and alt.lower() == "media":
            await relay_body(self._runtime, exchange, call)
        elif not changes and is_streamed and target.collection.name == "interactions":
            await relay_stream(self._runtime, exchange, call, InteractionVoice())
        else:
            async with ClientWatch(exchange):
                whole = await (self._change(call, target) if changes else self._read(call))
            await _answer(exchange, whole)

    async def _read(self, call: Call) -> Whole:
        """Return what a thing is now; operations tell only then what they have made."""
        whole = await fetch(self._runtime, call)
        if b"files/" in whole.body and (answer := parsed(whole.body)) is not None:
            made = names_made(answer)
            made.pop(call.cited[0].name, None)
            await self._making.bind(call.need, whole.project_id, made)
        return whole

    async def _change(self, call: Call, target: Target) -> Whole:
        try:
            whole = await self._making.make(call)
        except FailedError as error:
            is_deleted = call.method == "DELETE" and target.is_root
            if is_deleted and tells_gone(error.status, error.body, target.root):
                await self._forget(call)
            raise
        if call.method == "DELETE" and target.is_root:
            await self._forget(call)
        elif call.method in {"PATCH", "PUT"} and target.is_root:
            await self._keep_longer(call, whole)
        return whole

    async def _forget(self, call: Call) -> None:
        try:
            await self._runtime.registry.unbind(call.need.pool, call.cited[0].name)
        except PoolAwayError:
            # It stays bound to somebody who can only find that it is gone.
            return

    async def _keep_longer(self, call: Call, whole: Whole) -> None:
        """Let a binding last as long as the thing, whose end was changed."""
        binding = call.cited[0]
        end = names_made(parsed(whole.body) or {}).get(binding.name)
        if end is not None and end != binding.expire_time:
            await self._making.rebind(call.need.pool, replace(binding, expire_time=end))

    async def _call(
        self, asker: Asker, version: str, target: Target, operation: Operation
    ) -> tuple[Call, dict[str, Any]]:
        exchange = asker.exchange
        body = await exchange.read_body(self._runtime.settings.max_body_bytes)
        request = json_object(body, orjson.loads) if body.strip() else {}
        path = f"/{version}/{target.path}" + (f":{target.verb}" if target.verb else "")
        query = forwarded_query(exchange.query, creates=operation is Operation.CREATE)
        need = need_of(self._runtime.settings, asker, "", operation)
        return Call(
            method=exchange.method,
            target=f"{path}?{query}" if query else path,
            headers=forwarded_headers(exchange.headers),
            body=body,
            need=need,
            dialect=Dialect.GEMINI,
        ), request


def _allowed(target: Target) -> str:
    allowed = ["GET"] if target.collection.listed_as else []
    return " or ".join([*allowed, "POST"] if target.collection.is_creatable else allowed) or "none"


def _model_of(request: dict[str, Any]) -> str:
    """Return the model that a new thing is for, empty for none."""
    for field in ("model", "baseModel", "base_model"):
        model = request.get(field)
        if isinstance(model, str) and model:
            return check_model(model.removeprefix("models/").removeprefix("tunedModels/"))
    return ""


def _chosen_name(exchange: Exchange, target: Target, request: dict[str, Any]) -> str | None:
    """Return the name that the client wants for a new thing, None when Google is to choose."""
    wanted = exchange.query_value("tunedModelId") or exchange.query_value("tuned_model_id")
    name = f"{target.path}/{wanted}" if wanted else request.get("name")
    return root_of(name) if isinstance(name, str) else None


async def _answer(exchange: Exchange, whole: Whole) -> None:
    await exchange.answer(whole.status, [*whole.headers, *whole.told], whole.body)
