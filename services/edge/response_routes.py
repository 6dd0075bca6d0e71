"""OpenAI's responses, over generateContent and countTokens."""

import time
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from services.edge.calls import Call
from services.edge.clients import check_model_allowed
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import openai_type
from services.edge.errors import bad_request, method_not_allowed
from services.edge.http import Exchange
from services.edge.media_fetching import fetch_media
from services.edge.models.amending import hide_thoughts
from services.edge.models.choosing import Chosen
from services.edge.needs import Asker
from services.edge.openai_calls import (
    admit,
    call_model,
    calls_instead,
    choose_model,
    parsed,
    read_request,
    send_answer,
    tell_ignored,
)
from services.edge.openai_events import Events, told_answers
from services.edge.paths import check_model
from services.edge.plain import fetch
from services.edge.relaying import relay_stream
from services.edge.remembering import Memory, Remembered, no_response
from services.edge.responses.errors import failure_code
from services.edge.responses.ids import new_response_id
from services.edge.responses.kept import list_items
from services.edge.responses.response_answer import count_of, translate_answer
from services.edge.responses.response_request import ResponsePlan, translate_response
from services.edge.responses.response_stream import ResponseStream
from services.edge.runtime import Runtime
from services.edge.sse import events_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage, read_usage

_Keep = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ResponseRoutes:
    """The routes of responses."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime
        self._memory = Memory(runtime.answers)

    async def create(self, exchange: Exchange) -> None:
        """POST /v1/responses."""
        asker = await admit(self._runtime, exchange)
        body = await read_request(self._runtime, exchange)
        chosen = choose_model(self._runtime, body)
        remembered = await self._memory.recall(asker.client, body)
        # Translating takes parts of a body for its own.
        spare = deepcopy(body) if self._runtime.models.choices.fallbacks(chosen) else {}
        plan = self._amended(self._plan(body, chosen, remembered), chosen)
        call = await self._generation(asker, plan, chosen)
        if spare:

            async def make(other: Chosen) -> Call:
                plan = self._amended(self._plan(deepcopy(spare), other, remembered), other)
                return await self._generation(asker, plan, other)

            call = replace(call, instead=await calls_instead(self._runtime, asker, chosen, make))
        tell_ignored(exchange, plan.ignored)
        response_id, created = new_response_id(), int(time.time())
        if plan.stream:
            stream = ResponseStream(plan, response_id=response_id, created=created)
            voice = _Voice(stream, partial(self._kept, asker, plan))
            await relay_stream(self._runtime, exchange, call, voice)
            return
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        with told_answers("bad_answer"):
            answer = translate_answer(plan, parsed(whole), response_id=response_id, created=created)
        await send_answer(exchange, await self._kept(asker, plan, answer), whole.told)

    async def serve(self, exchange: Exchange, response_id: str) -> None:
        """GET and DELETE /v1/responses/{id}."""
        if exchange.method not in {"GET", "DELETE"}:
            raise method_not_allowed(exchange.method, "GET")
        client = (await admit(self._runtime, exchange)).client
        if exchange.method == "DELETE":
            if not await self._memory.forget(client, response_id):
                raise no_response(response_id)
            told = {"id": response_id, "object": "response", "deleted": True}
            await send_answer(exchange, told, [])
            return
        if exchange.query_value("stream") == "true":
            raise bad_request("A response that has ended is not streamed again.", param="stream")
        found = await self._memory.find(client, response_id)
        if found is None:
            raise no_response(response_id)
        await send_answer(exchange, found.response, [])

    async def input_items(self, exchange: Exchange, response_id: str) -> None:
        """GET /v1/responses/{id}/input_items."""
        client = (await admit(self._runtime, exchange)).client
        query = {name: exchange.query_value(name) for name in ("limit", "order", "after")}
        found = await self._memory.find(client, response_id)
        if found is None:
            raise no_response(response_id)
        await send_answer(exchange, list_items(found.items, query), [])

    async def count_tokens(self, exchange: Exchange) -> None:
        """POST /v1/responses/input_tokens."""
        asker = await admit(self._runtime, exchange)
        body = await read_request(self._runtime, exchange)
        chosen = choose_model(self._runtime, body)
        remembered = await self._memory.recall(asker.client, body)
        plan = self._plan(body, chosen, remembered, is_counted=True)
        tell_ignored(exchange, plan.ignored)
        request = {"model": f"models/{chosen.model}", **plan.gemini_body}
        counted = {"generateContentRequest": request}
        call = await self._call(asker, plan, chosen, "countTokens", counted)
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        with told_answers("bad_answer"):
            answer = count_of(parsed(whole))
        await send_answer(exchange, answer, whole.told)

    def _plan(
        self,
        body: dict[str, Any],
        chosen: Chosen,
        remembered: Remembered,
        *,
        is_counted: bool = False,
    ) -> ResponsePlan:
        return translate_response(
            {**body, "model": chosen.model},
            earlier=remembered.earlier,
            referred=remembered.referred,
            is_counted=is_counted,
            old_models=self._runtime.settings.old_schema_models,
            allow_remote_media=self._runtime.fetcher is not None,
        )

    def _amended(self, plan: ResponsePlan, chosen: Chosen) -> ResponsePlan:
        """Return a plan with what its model's name and the settings add to it."""
        amendments, ignored = self._runtime.models.amendments, plan.ignored
        if amendments.concern(chosen):
            _, given_up = amendments.apply(plan.gemini_body, chosen)
            ignored = (*ignored, *given_up)
        if self._runtime.settings.show_thinking_process is False:
            hide_thoughts(plan.gemini_body)
        return replace(plan, model=chosen.asked, ignored=ignored)

    async def _generation(self, asker: Asker, plan: ResponsePlan, chosen: Chosen) -> Call:
        verb = "streamGenerateContent" if plan.stream else "generateContent"
        return await self._call(asker, plan, chosen, verb, plan.gemini_body)

    async def _call(
        self, asker: Asker, plan: ResponsePlan, chosen: Chosen, verb: str, body: dict[str, Any]
    ) -> Call:
        check_model_allowed(asker.client, check_model(chosen.model), asked=chosen.asked)
        if plan.remote_media:
            await fetch_media(self._runtime, asker.exchange, plan.remote_media)
        return await call_model(self._runtime, asker, chosen.model, verb, body, asked=chosen.asked)

    async def _kept(
        self, asker: Asker, plan: ResponsePlan, response: dict[str, Any]
    ) -> dict[str, Any]:
        """Return a response as its client is told it, kept if it is to be kept."""
        if not plan.is_kept:
            return response
        return await self._memory.keep(asker.client, response, plan.items)


class _Voice(Events):
    """Each event is translated; a complete answer ends with the whole response."""

    watch_finish = False
    before = None

    def __init__(self, stream: ResponseStream, keep: _Keep) -> None:
        self._stream = stream
        self._keep = keep

    def say(self, block: bytes) -> bytes:
        replies = [orjson.loads(payload) for payload in events_of(block)]
        return b"".join([self._stream.feed(each) for each in replies if isinstance(each, dict)])

    def is_finished(self) -> bool:
        return self._stream.finished

    def ending(self) -> bytes:
        return self._stream.finish()

    @property
    def after(self) -> Callable[[], Awaitable[bytes]]:
        return self._last

    async def _last(self) -> bytes:
        response = self._stream.whole
        return b"" if response is None else self._stream.last(await self._keep(response))

    def failed(self, body: bytes) -> bytes:
        error = orjson.loads(body)["error"]
        return self._stream.failure(failure_code(error["type"]), error["message"])

    def failure(self, failure: StreamFailedError) -> bytes:
        error = failure.error
        return self._stream.failure(failure_code(openai_type(error.status)), error.message)

    def usage(self) -> TokenUsage | None:
        return read_usage(self._stream.usage)
