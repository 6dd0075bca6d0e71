"""Anthropic's dialect, over generateContent and countTokens."""

from typing import Any

import orjson

from services.edge.aliases import model_for
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
from services.edge.needs import Asker
from services.edge.openai_calls import (
    admit,
    call_model,
    call_read,
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
        plan = await self._plan(exchange, is_counted=False)
        verb = "streamGenerateContent" if plan.stream else "generateContent"
        call = await self._call(asker, plan, verb, plan.gemini_body)
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
        plan = await self._plan(exchange, is_counted=True)
        request = {"model": f"models/{plan.model}", **plan.gemini_body}
        body = {"generateContentRequest": request}
        call = await self._call(asker, plan, "countTokens", body)
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
        await send_answer(exchange, translate_models(parsed(whole), query), whole.told)

    async def model(self, exchange: Exchange, encoded_id: str) -> None:
        """GET /v1/models/{id}."""
        asker = await admit(self._runtime, exchange)
        model = model_for(self._runtime.settings.model_aliases, model_of_id(encoded_id))
        check_model_allowed(asker.client, model)
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call_read(self._runtime, asker, f"models/{model}"))
        await send_answer(exchange, translate_model(parsed(whole)), whole.told)

    async def _plan(self, exchange: Exchange, *, is_counted: bool) -> MessagePlan:
        plan = translate_message(
            await read_request(self._runtime, exchange),
            is_counted=is_counted,
            old_models=self._runtime.settings.old_schema_models,
            allow_remote_media=self._runtime.fetcher is not None,
        )
        tell_ignored(exchange, plan.ignored)
        return plan

    async def _call(self, asker: Asker, plan: MessagePlan, verb: str, body: dict[str, Any]) -> Call:
        check_model_allowed(asker.client, check_model(plan.model))
        if plan.remote_media:
            await fetch_media(self._runtime, asker.exchange, plan.remote_media)
        return await call_model(self._runtime, asker, plan.model, verb, body)


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
