"""Anthropic's dialect, over generateContent and countTokens."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import orjson

from services.edge.anthropic.errors import upstream_status
from services.edge.anthropic.message_request import MessagePlan, translate_message
from services.edge.anthropic.message_response import count_of, translate_answer
from services.edge.anthropic.message_stream import PING, MessageStream, error_event
from services.edge.anthropic.models import translate_model, translate_models
from services.edge.calls import Call
from services.edge.clients import check_model_allowed
from services.edge.disconnect import ClientWatch
from services.edge.http import Exchange
from services.edge.media_fetching import fetch_media
from services.edge.models.amending import hide_thoughts
from services.edge.models.choosing import Chosen
from services.edge.models.listing import described_as
from services.edge.needs import Asker
from services.edge.openai_calls import (
    admit,
    call_model,
    call_read,
    calls_instead,
    choose_model,
    new_id,
    parsed,
    read_request,
    send_answer,
    tell_ignored,
)
from services.edge.openai_events import Events, told_answers
from services.edge.paths import check_model, model_of_id
from services.edge.plain import fetch
from services.edge.relaying import relay_stream
from services.edge.runtime import Runtime
from services.edge.sse import events_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage, read_usage

_MODELS_PAGE = "pageSize=1000"
_PAGING = ("limit", "after_id", "before_id")


class MessageRoutes:
    """The routes of Anthropic's dialect."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime

    async def create(self, exchange: Exchange) -> None:
        """POST /v1/messages."""
        asker = await admit(self._runtime, exchange)
        body = await read_request(self._runtime, exchange)
        chosen = choose_model(self._runtime, body)
        # Translating takes parts of a body for its own.
        spare = deepcopy(body) if self._runtime.models.choices.fallbacks(chosen) else {}
        plan = self._amended(self._plan(body, chosen), chosen)
        call = await self._generation(asker, plan, chosen)
        if spare:

            async def make(other: Chosen) -> Call:
                plan = self._amended(self._plan(deepcopy(spare), other), other)
                return await self._generation(asker, plan, other)

            call = replace(call, instead=await calls_instead(self._runtime, asker, chosen, make))
        tell_ignored(exchange, plan.ignored)
        message_id = new_id("msg").replace("-", "_")
        if plan.stream:
            stream = MessageStream(plan, message_id=message_id, request_id=exchange.request_id)
            await relay_stream(self._runtime, exchange, call, _Voice(stream))
            return
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        with told_answers("bad_answer"):
            answer = translate_answer(plan, parsed(whole), message_id=message_id)
        await send_answer(exchange, answer, whole.told)

    async def count_tokens(self, exchange: Exchange) -> None:
        """POST /v1/messages/count_tokens."""
        asker = await admit(self._runtime, exchange)
        body = await read_request(self._runtime, exchange)
        chosen = choose_model(self._runtime, body)
        plan = self._plan(body, chosen, is_counted=True)
        tell_ignored(exchange, plan.ignored)
        request = {"model": f"models/{chosen.model}", **plan.gemini_body}
        counted = {"generateContentRequest": request}
        call = await self._call(asker, plan, chosen, "countTokens", counted)
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        with told_answers("bad_answer"):
            answer = count_of(parsed(whole))
        await send_answer(exchange, answer, whole.told)

    async def models(self, exchange: Exchange) -> None:
        """GET /v1/models."""
        asker = await admit(self._runtime, exchange)
        query = {name: exchange.query_value(name) for name in _PAGING}
        call = call_read(self._runtime, asker, f"models?{_MODELS_PAGE}")
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        models = parsed(whole).get("models")
        offered = self._runtime.models.listing.of(
            models if isinstance(models, list) else (), chats=True
        )
        await send_answer(exchange, translate_models({"models": offered}, query), whole.told)

    async def model(self, exchange: Exchange, encoded_id: str) -> None:
        """GET /v1/models/{id}."""
        asker = await admit(self._runtime, exchange)
        chosen = self._runtime.models.choices.choose(model_of_id(encoded_id))
        check_model_allowed(asker.client, chosen.model, asked=chosen.asked)
        call = call_read(self._runtime, asker, f"models/{chosen.model}")
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        answer = parsed(whole)
        if chosen.asked != chosen.model:
            answer = described_as(answer, chosen)
        await send_answer(exchange, translate_model(answer), whole.told)

    def _plan(
        self, body: dict[str, Any], chosen: Chosen, *, is_counted: bool = False
    ) -> MessagePlan:
        return translate_message(
            {**body, "model": chosen.model},
            is_counted=is_counted,
            old_models=self._runtime.settings.old_schema_models,
            allow_remote_media=self._runtime.fetcher is not None,
        )

    def _amended(self, plan: MessagePlan, chosen: Chosen) -> MessagePlan:
        """Return a plan with what its model's name and the settings add to it."""
        amendments, ignored = self._runtime.models.amendments, plan.ignored
        if amendments.concern(chosen):
            _, given_up = amendments.apply(plan.gemini_body, chosen)
            ignored = (*ignored, *given_up)
        if self._runtime.settings.show_thinking_process is False:
            hide_thoughts(plan.gemini_body)
        return replace(plan, model=chosen.asked, ignored=ignored)

    async def _generation(self, asker: Asker, plan: MessagePlan, chosen: Chosen) -> Call:
        verb = "streamGenerateContent" if plan.stream else "generateContent"
        return await self._call(asker, plan, chosen, verb, plan.gemini_body)

    async def _call(
        self, asker: Asker, plan: MessagePlan, chosen: Chosen, verb: str, body: dict[str, Any]
    ) -> Call:
        check_model_allowed(asker.client, check_model(chosen.model), asked=chosen.asked)
        if plan.remote_media:
            await fetch_media(self._runtime, asker.exchange, plan.remote_media)
        return await call_model(self._runtime, asker, chosen.model, verb, body, asked=chosen.asked)


class _Voice(Events):
    """Each event is translated; a complete answer ends with `message_stop`."""

    watch_finish = False
    before = None

    def __init__(self, stream: MessageStream) -> None:
        self._stream = stream
        self._beats = 0

    def heartbeat(self) -> bytes:
        """Return a ping; the first of them follows the start of the message."""
        self._beats += 1
        return self._stream.waiting() if self._beats == 1 else PING

    def say(self, block: bytes) -> bytes:
        replies = [orjson.loads(payload) for payload in events_of(block)]
        return b"".join([self._stream.feed(each) for each in replies if isinstance(each, dict)])

    def is_finished(self) -> bool:
        return self._stream.finished

    def ending(self) -> bytes:
        return self._stream.finish()

    def failed(self, body: bytes) -> bytes:
        return error_event(body)

    def failure(self, failure: StreamFailedError) -> bytes:
        return self._stream.error_frame(failure.error.message, _status_of(failure))

    def usage(self) -> TokenUsage | None:
        return read_usage(self._stream.usage)


def _status_of(failure: StreamFailedError) -> int:
    """Return the status that a failure within a stream would have had outside of one."""
    status = failure.error.status
    return status if failure.native is None else upstream_status(status)
