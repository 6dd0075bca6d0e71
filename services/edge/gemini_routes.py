"""Gemini's own dialect: a relay that changes the credential and little else."""

import orjson

from services.edge.calls import Call, forwarded_query
from services.edge.clients import check_model_allowed
from services.edge.disconnect import ClientWatch
from services.edge.errors import not_built
from services.edge.gemini_calls import STREAMING, GeminiCalls, answer_stream, relayed
from services.edge.http import Exchange, json_object
from services.edge.models.choosing import Chosen
from services.edge.models.listing import described_as
from services.edge.needs import Asker, need_of
from services.edge.openai_calls import admit
from services.edge.paths import Method, check_model
from services.edge.plain import fetch
from services.edge.resources.making import Making
from services.edge.resources.targets import check_unowned
from services.edge.runtime import Runtime
from services.judging import Operation


class GeminiRoutes:
    """The routes under `/v1beta`, `/v1` and `/v1alpha`."""

    def __init__(self, runtime: Runtime, making: Making) -> None:
        """Take the shared parts."""
        self._runtime = runtime
        self._making = making
        self._calls = GeminiCalls(runtime, runtime.access.cite)

    async def method(self, exchange: Exchange, version: str, method: Method) -> None:
        """Relay a verb on a model, whatever the verb."""
        asker = await admit(self._runtime, exchange)
        call = await self._calls.read(asker, f"/{version}", method)
        if method.verb == STREAMING:
            await answer_stream(self._runtime, exchange, call)
        else:
            await self._whole(exchange, call)

    async def read_models(self, exchange: Exchange, version: str, model: str) -> None:
        """Relay the list of models, or one of them."""
        asker = await admit(self._runtime, exchange)
        chosen = self._runtime.models.choices.choose(check_model(model)) if model else None
        if chosen is not None:
            check_model_allowed(asker.client, chosen.model, asked=chosen.asked)
        tail = f"models/{chosen.model}" if chosen is not None else "models"
        need = need_of(self._runtime.settings, asker, "", Operation.READ)
        query = forwarded_query(exchange.query)
        call = relayed(exchange, f"/{version}/{tail}", query, b"", need)
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
        call = relayed(exchange, exchange.path, query, body, need)
        request = json_object(body, orjson.loads) if body.strip() else {}
        await self._whole(exchange, await self._runtime.access.cite(call, request))

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
