"""OpenAI's dialect over Gemini's methods."""

import secrets
import time
from dataclasses import replace
from typing import Any

import orjson

from services.edge.calls import Call, operation_of
from services.edge.clients import check_model_allowed, check_scope
from services.edge.dialects import Dialect
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import Headers, openai_type
from services.edge.errors import ApiError
from services.edge.estimating import estimate_tokens
from services.edge.http import Exchange, json_object
from services.edge.needs import Asker, need_of, with_content
from services.edge.openai.chat_request import ChatPlan, translate_chat
from services.edge.openai.chat_response import translate_answer
from services.edge.openai.chat_stream import ChatStream
from services.edge.openai.embeddings import translate_embeddings, translate_embeddings_answer
from services.edge.openai.errors import AnswerError
from services.edge.openai.models import translate_model, translate_models
from services.edge.paths import check_model, model_of_id
from services.edge.plain import Whole, fetch
from services.edge.relaying import relay_stream
from services.edge.resources.access import may_name_something
from services.edge.runtime import Runtime
from services.edge.sse import events_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage, read_usage
from services.judging import Operation

_JSON = (b"content-type", b"application/json")
_STREAM: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # Proxies in front must not gather what is meant to arrive at once.
    (b"x-accel-buffering", b"no"),
]
_MODELS_PAGE = "pageSize=1000"
_VERSION = "v1beta"


class OpenAiRoutes:
    """The routes under `/v1` for OpenAI's clients."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime

    async def chat(self, exchange: Exchange) -> None:
        """POST /v1/chat/completions."""
        asker = await self._admit(exchange)
        plan = translate_chat(await self._body(exchange))
        check_model_allowed(asker.client, check_model(plan.model))
        verb = "streamGenerateContent" if plan.stream else "generateContent"
        call = self._call(asker, plan.model, verb, plan.gemini_body)
        if may_name_something(call):
            call = await self._runtime.access.cite(call, plan.gemini_body)
        if plan.ignored:
            names = ",".join(plan.ignored).encode("ascii", "replace")
            exchange.extra.append((b"x-gemini-balance-ignored", names))
        if plan.stream:
            await relay_stream(self._runtime, exchange, call, _OpenAiVoice(plan))
            return
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        answer = translate_answer(
            plan, _parsed(whole), completion_id=_completion_id(), created=int(time.time())
        )
        await _answer(exchange, answer, whole.told)

    async def embeddings(self, exchange: Exchange) -> None:
        """POST /v1/embeddings."""
        asker = await self._admit(exchange)
        plan = translate_embeddings(await self._body(exchange))
        check_model_allowed(asker.client, check_model(plan.model))
        answers, shown = [], []
        async with ClientWatch(exchange):
            for body in plan.gemini_bodies:
                call = self._call(asker, plan.model, "batchEmbedContents", body)
                whole = await fetch(self._runtime, call)
                answers.append(_parsed(whole))
                shown = whole.told
        try:
            answer = translate_embeddings_answer(plan, answers)
        except AnswerError as error:
            raise ApiError(502, str(error), code="bad_upstream") from None
        await _answer(exchange, answer, shown)

    async def models(self, exchange: Exchange) -> None:
        """GET /v1/models."""
        asker = await self._admit(exchange)
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, self._read(asker, f"models?{_MODELS_PAGE}"))
        await _answer(exchange, translate_models(_parsed(whole)), whole.told)

    async def model(self, exchange: Exchange, encoded_id: str) -> None:
        """GET /v1/models/{id}."""
        asker = await self._admit(exchange)
        model = model_of_id(encoded_id)
        check_model_allowed(asker.client, model)
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, self._read(asker, f"models/{model}"))
        await _answer(exchange, translate_model(_parsed(whole)), whole.told)

    async def _admit(self, exchange: Exchange) -> Asker:
        client = await self._runtime.clients.identify(exchange)
        check_scope(client, "models")
        return Asker(exchange, client)

    async def _body(self, exchange: Exchange) -> dict[str, Any]:
        body = await exchange.read_body(self._runtime.settings.max_body_bytes)
        return json_object(body, orjson.loads)

    def _call(self, asker: Asker, model: str, verb: str, body: dict[str, Any]) -> Call:
        content, operation = orjson.dumps(body), operation_of(verb)
        need = need_of(self._runtime.settings, asker, model, operation)
        if operation is Operation.GENERATE:
            need = with_content(need, content, body)
        else:
            need = replace(need, input_tokens=estimate_tokens(content, body))
        query = "?alt=sse" if verb == "streamGenerateContent" else ""
        return Call(
            method="POST",
            target=f"/{_VERSION}/models/{model}:{verb}{query}",
            headers=[(b"content-type", b"application/json")],
            body=content,
            need=need,
            dialect=Dialect.OPENAI,
        )

    def _read(self, asker: Asker, tail: str) -> Call:
        need = need_of(self._runtime.settings, asker, "", Operation.READ)
        return Call("GET", f"/{_VERSION}/{tail}", [], b"", need, Dialect.OPENAI)


class _OpenAiVoice:
    """Each event is translated; a complete answer ends with `[DONE]`."""

    watch_finish = False
    before = None
    breaks_off = False

    def __init__(self, plan: ChatPlan) -> None:
        self._chat = ChatStream(plan, completion_id=_completion_id(), created=int(time.time()))

    def headers(self, upstream: Headers) -> Headers:
        del upstream
        return _STREAM

    def opening(self) -> Headers:
        return _STREAM

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


def _parsed(whole: Whole) -> dict[str, Any]:
    try:
        answer = orjson.loads(whole.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ApiError(502, "The upstream sent something that is not JSON.", code="bad_upstream")
    return answer


async def _answer(exchange: Exchange, answer: dict[str, Any], shown: Headers) -> None:
    await exchange.answer(200, [_JSON, *shown], orjson.dumps(answer))


def _completion_id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"
