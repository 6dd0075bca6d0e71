"""OpenAI's dialect over Gemini's methods."""

import time
from functools import partial

import orjson

from services.edge.clients import check_model_allowed
from services.edge.concurrently import concurrently
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import Headers, openai_type
from services.edge.errors import ApiError
from services.edge.http import Exchange
from services.edge.media_fetching import fetch_media
from services.edge.openai.chat_request import ChatPlan, translate_chat
from services.edge.openai.chat_response import translate_answer
from services.edge.openai.chat_stream import ChatStream
from services.edge.openai.embeddings import translate_embeddings, translate_embeddings_answer
from services.edge.openai.errors import AnswerError
from services.edge.openai.models import translate_model, translate_models
from services.edge.openai_calls import (
    EVENT_STREAM,
    admit,
    call_model,
    call_read,
    new_id,
    parsed,
    read_request,
    send_answer,
    tell_ignored,
    upstream_call,
)
from services.edge.paths import check_model, model_of_id
from services.edge.plain import fetch
from services.edge.relaying import relay_stream
from services.edge.runtime import Runtime
from services.edge.sse import events_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage, read_usage

_MODELS_PAGE = "pageSize=1000"
_BATCHES_AT_ONCE = 4


class OpenAiRoutes:
    """The routes under `/v1` for OpenAI's clients."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime

    async def chat(self, exchange: Exchange) -> None:
        """POST /v1/chat/completions."""
        asker = await admit(self._runtime, exchange)
        plan = translate_chat(
            await read_request(self._runtime, exchange),
            allow_remote_media=self._runtime.fetcher is not None,
        )
        check_model_allowed(asker.client, check_model(plan.model))
        if plan.remote_media:
            await fetch_media(self._runtime, exchange, plan.remote_media)
        verb = "streamGenerateContent" if plan.stream else "generateContent"
        call = await call_model(self._runtime, asker, plan.model, verb, plan.gemini_body)
        tell_ignored(exchange, plan.ignored)
        if plan.stream:
            await relay_stream(self._runtime, exchange, call, _OpenAiVoice(plan))
            return
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        answer = translate_answer(
            plan, parsed(whole), completion_id=new_id("chatcmpl"), created=int(time.time())
        )
        await send_answer(exchange, answer, whole.told)

    async def embeddings(self, exchange: Exchange) -> None:
        """POST /v1/embeddings."""
        asker = await admit(self._runtime, exchange)
        plan = translate_embeddings(await read_request(self._runtime, exchange))
        check_model_allowed(asker.client, check_model(plan.model))
        tell_ignored(exchange, plan.ignored)
        calls = [
            upstream_call(self._runtime, asker, plan.model, "batchEmbedContents", body)
            for body in plan.gemini_bodies
        ]
        async with ClientWatch(exchange):
            wholes = await concurrently(
                _BATCHES_AT_ONCE, [partial(fetch, self._runtime, call) for call in calls]
            )
        try:
            answer = translate_embeddings_answer(plan, [parsed(whole) for whole in wholes])
        except AnswerError as error:
            raise ApiError(502, str(error), code="bad_upstream") from None
        await send_answer(exchange, answer, wholes[-1].told)

    async def models(self, exchange: Exchange) -> None:
        """GET /v1/models."""
        asker = await admit(self._runtime, exchange)
        async with ClientWatch(exchange):
            whole = await fetch(
                self._runtime, call_read(self._runtime, asker, f"models?{_MODELS_PAGE}")
            )
        await send_answer(exchange, translate_models(parsed(whole)), whole.told)

    async def model(self, exchange: Exchange, encoded_id: str) -> None:
        """GET /v1/models/{id}."""
        asker = await admit(self._runtime, exchange)
        model = model_of_id(encoded_id)
        check_model_allowed(asker.client, model)
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call_read(self._runtime, asker, f"models/{model}"))
        await send_answer(exchange, translate_model(parsed(whole)), whole.told)


class _OpenAiVoice:
    """Each event is translated; a complete answer ends with `[DONE]`."""

    watch_finish = False
    before = None

    def __init__(self, plan: ChatPlan) -> None:
        self._chat = ChatStream(plan, completion_id=new_id("chatcmpl"), created=int(time.time()))

    def headers(self, upstream: Headers) -> Headers:
        del upstream
        return EVENT_STREAM

    def opening(self) -> Headers:
        return EVENT_STREAM

    def heartbeat(self) -> bytes:
        return b": waiting for a key\n\n"

    def failed(self, body: bytes) -> bytes:
        return b"data: " + body + b"\n\n"

    def say(self, block: bytes) -> bytes:
        frames = []
        for payload in events_of(block):
            event = orjson.loads(payload)
            if isinstance(event, dict):
                frames.append(self._chat.feed(event))
        return b"".join(frames)

    def is_finished(self) -> bool:
        return self._chat.finished

    def ending(self) -> bytes:
        return self._chat.finish()

    def failure(self, failure: StreamFailedError) -> bytes:
        error = failure.error
        return self._chat.error_frame(error.message, openai_type(error.status), error.code)

    def usage(self) -> TokenUsage | None:
        return read_usage(self._chat.usage)
