"""OpenAI's responses, over generateContent and countTokens."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from services.edge.calls import Call
from services.edge.clients import check_model_allowed
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import openai_type
from services.edge.http import Exchange
from services.edge.media_fetching import fetch_media
from services.edge.needs import Asker
from services.edge.openai_calls import (
    admit,
    call_model,
    parsed,
    read_request,
    send_answer,
    tell_ignored,
)
from services.edge.openai_events import Events, told_answers
from services.edge.paths import check_model
from services.edge.plain import fetch
from services.edge.relaying import relay_stream
from services.edge.responses.errors import failure_code
from services.edge.responses.ids import new_response_id
from services.edge.responses.response_answer import count_of, translate_answer
from services.edge.responses.response_request import ResponsePlan, translate_response
from services.edge.responses.response_stream import ResponseStream
from services.edge.runtime import Runtime
from services.edge.sse import events_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage, read_usage


class ResponseRoutes:
    """The routes of responses."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime

    async def create(self, exchange: Exchange) -> None:
        """POST /v1/responses."""
        asker = await admit(self._runtime, exchange)
        plan = await self._plan(exchange, is_counted=False)
        verb = "streamGenerateContent" if plan.stream else "generateContent"
        call = await self._call(asker, plan, verb, plan.gemini_body)
        response_id, created = new_response_id(), int(time.time())
        if plan.stream:
            stream = ResponseStream(plan, response_id=response_id, created=created)
            await relay_stream(self._runtime, exchange, call, _Voice(stream))
            return
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        with told_answers("bad_answer"):
            answer = translate_answer(plan, parsed(whole), response_id=response_id, created=created)
        await send_answer(exchange, answer, whole.told)

    async def count_tokens(self, exchange: Exchange) -> None:
        """POST /v1/responses/input_tokens."""
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

    async def _plan(self, exchange: Exchange, *, is_counted: bool) -> ResponsePlan:
        plan = translate_response(
            await read_request(self._runtime, exchange),
            is_counted=is_counted,
            old_models=self._runtime.settings.old_schema_models,
            allow_remote_media=self._runtime.fetcher is not None,
        )
        tell_ignored(exchange, plan.ignored)
        return plan

    async def _call(
        self, asker: Asker, plan: ResponsePlan, verb: str, body: dict[str, Any]
    ) -> Call:
        check_model_allowed(asker.client, check_model(plan.model))
        if plan.remote_media:
            await fetch_media(self._runtime, asker.exchange, plan.remote_media)
        return await call_model(self._runtime, asker, plan.model, verb, body)


class _Voice(Events):
    """Each event is translated; a complete answer ends with the whole response."""

    watch_finish = False
    before = None

    def __init__(self, stream: ResponseStream) -> None:
        self._stream = stream

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
        return b"" if response is None else self._stream.last(response)

    def failed(self, body: bytes) -> bytes:
        error = orjson.loads(body)["error"]
        return self._stream.failure(failure_code(error["type"]), error["message"])

    def failure(self, failure: StreamFailedError) -> bytes:
        error = failure.error
        return self._stream.failure(failure_code(openai_type(error.status)), error.message)

    def usage(self) -> TokenUsage | None:
        return read_usage(self._stream.usage)
