"""Interactions: conversations that Google keeps, and goes on with by their id."""

from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from services.edge.calls import Call, forwarded_headers, forwarded_query
from services.edge.clients import check_model_allowed, check_scope
from services.edge.dialects import Dialect
from services.edge.disconnect import ClientWatch
from services.edge.errors import bad_request, pool_away
from services.edge.estimating import estimate_tokens
from services.edge.http import Exchange, json_object
from services.edge.needs import Asker, need_of
from services.edge.paths import check_model
from services.edge.plain import Whole, fetch
from services.edge.relaying import relay_stream
from services.edge.resources.interaction_stream import InteractionVoice
from services.edge.resources.made import interaction_made
from services.edge.resources.making import Making, parsed
from services.edge.runtime import Runtime
from services.judging import Operation


class InteractionRoutes:
    """The route that makes interactions; asking for one is like asking for anything else."""

    def __init__(self, runtime: Runtime, making: Making) -> None:
        """Take the shared parts."""
        self._runtime = runtime
        self._making = making

    async def create(self, exchange: Exchange, version: str) -> None:
        """POST /{version}/interactions."""
        client = await self._runtime.clients.identify(exchange)
        check_scope(client, "models")
        body = await exchange.read_body(self._runtime.settings.max_body_bytes)
        request = json_object(body, orjson.loads)
        model = _model_of(request)
        check_model_allowed(client, model)
        # Google keeps an interaction unless it is told not to.
        is_kept = request.get("store") is not False
        operation = Operation.CREATE if is_kept else Operation.GENERATE
        need = need_of(self._runtime.settings, Asker(exchange, client), model, operation)
        query = forwarded_query(exchange.query, creates=is_kept)
        if is_kept and request.get("stream") is True and exchange.query_value("alt") == "sse":
            query = f"{query}&alt=sse" if query else "alt=sse"
        call = Call(
            method="POST",
            target=f"/{version}/interactions" + (f"?{query}" if query else ""),
            headers=forwarded_headers(exchange.headers),
            body=body,
            need=replace(need, input_tokens=estimate_tokens(body, request)),
            dialect=Dialect.GEMINI,
        )
        call = await self._runtime.access.cite(call, request)
        if is_kept and self._runtime.desk.is_away:
            # What is made now could be found by nobody.
            raise pool_away()
        if request.get("stream") is True:
            on_made = partial(self._bind, call, set()) if is_kept else None
            await relay_stream(self._runtime, exchange, call, InteractionVoice(on_made))
            return
        async with ClientWatch(exchange):
            if is_kept:
                whole = await self._making.to_its_end(self._make(call))
            else:
                whole = await fetch(self._runtime, call)
        await exchange.answer(whole.status, [*whole.headers, *whole.told], whole.body)

    async def _make(self, call: Call) -> Whole:
        whole = await fetch(self._runtime, call)
        if (interaction := parsed(whole.body)) is not None:
            await self._bind(call, set(), interaction, whole.project_id)
        return whole

    async def _bind(
        self, call: Call, bound: set[str], interaction: dict[str, Any], project_id: str
    ) -> None:
        """Bind what is told of an interaction, but for what is bound already."""
        known = bound | {binding.name for binding in call.cited}
        made = interaction_made(interaction)
        new = {name: end for name, end in made.items() if name not in known}
        await self._making.bind(call.need, project_id, new)
        bound |= new.keys()


def _model_of(request: dict[str, Any]) -> str:
    """Return the model or the agent that an interaction is with.

    Raises:
        ApiError: 400 when it names none.
    """
    for field in ("model", "agent"):
        name = request.get(field)
        if isinstance(name, str) and name:
            return check_model(name.rpartition("/")[2])
    raise bad_request("An interaction needs a 'model' or an 'agent'.", param="model")
