"""Chats and the older completions of OpenAI's dialect, over generateContent."""

import time
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from services.edge.calls import Call
from services.edge.concurrently import concurrently
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import openai_type
from services.edge.http import Exchange
from services.edge.images.chat_drawing import draw_chat
from services.edge.media_fetching import fetch_media
from services.edge.models.amending import hide_thoughts
from services.edge.models.choosing import Chosen, Suffix
from services.edge.needs import Asker
from services.edge.openai.chat_request import ChatPlan, translate_chat
from services.edge.openai.chat_response import translate_answer
from services.edge.openai.chat_stream import ChatStream
from services.edge.openai.completion_answers import CompletionStream, translate_completions
from services.edge.openai.completion_request import translate_completion
from services.edge.openai.image_sizes import is_imagen
from services.edge.openai_calls import (
    admit,
    call_model,
    calls_instead,
    choose_model,
    new_id,
    parsed,
    read_request,
    send_answer,
    tell_ignored,
)
from services.edge.openai_events import Events
from services.edge.plain import fetch
from services.edge.relaying import relay_stream
from services.edge.runtime import Runtime
from services.edge.sse import events_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage, read_usage

_AT_ONCE = 4


class ChatRoutes:
    """The routes that let a model speak."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime

    async def chat(self, exchange: Exchange) -> None:
        """POST /v1/chat/completions."""
        asker = await admit(self._runtime, exchange)
        body = await read_request(self._runtime, exchange)
        chosen = choose_model(self._runtime, body)
        if chosen.suffix is Suffix.CHAT and is_imagen(chosen.model):
            await draw_chat(self._runtime, asker, chosen, body)
            return
        # Translating takes parts of a body for its own.
        spare = deepcopy(body) if self._runtime.models.choices.fallbacks(chosen) else {}
        plan = self._plan(body, chosen)
        call = await self._call(asker, plan, chosen)
        if spare:

            async def make(other: Chosen) -> Call:
                return await self._call(asker, self._plan(deepcopy(spare), other), other)

            call = replace(call, instead=await calls_instead(self._runtime, asker, chosen, make))
        tell_ignored(exchange, plan.ignored)
        completion_id, created = new_id("chatcmpl"), int(time.time())
        if plan.stream:
            stream = ChatStream(plan, completion_id=completion_id, created=created)
            await relay_stream(self._runtime, exchange, call, _Voice(stream))
            return
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        answer = translate_answer(plan, parsed(whole), completion_id=completion_id, created=created)
        await send_answer(exchange, answer, whole.told)

    async def completions(self, exchange: Exchange) -> None:
        """POST /v1/completions."""
        asker = await admit(self._runtime, exchange)
        body = await read_request(self._runtime, exchange)
        chosen = choose_model(self._runtime, body)
        plan = translate_completion({**body, "model": chosen.model})
        chats = tuple(self._amended(chat, chosen) for chat in plan.chats)
        ignored = dict.fromkeys((*plan.ignored, *chats[0].ignored))
        plan = replace(plan, chats=chats, ignored=tuple(ignored))
        calls = [await self._call(asker, chat, chosen) for chat in plan.chats]
        tell_ignored(exchange, plan.ignored)
        completion_id, created = new_id("cmpl"), int(time.time())
        if plan.chats[0].stream:
            stream = CompletionStream(plan, completion_id=completion_id, created=created)
            await relay_stream(self._runtime, exchange, calls[0], _Voice(stream))
            return
        async with ClientWatch(exchange):
            wholes = await concurrently(
                _AT_ONCE, [partial(fetch, self._runtime, call) for call in calls]
            )
        answer = translate_completions(
            plan, [parsed(whole) for whole in wholes], completion_id=completion_id, created=created
        )
        await send_answer(exchange, answer, wholes[-1].told)

    def _plan(self, body: dict[str, Any], chosen: Chosen) -> ChatPlan:
        plan = translate_chat(
            {**body, "model": chosen.model},
            old_models=self._runtime.settings.old_schema_models,
            allow_remote_media=self._runtime.fetcher is not None,
        )
        return self._amended(plan, chosen)

    def _amended(self, plan: ChatPlan, chosen: Chosen) -> ChatPlan:
        """Return a plan with what its model's name and the settings add to it."""
        settings, amendments = self._runtime.settings, self._runtime.models.amendments
        ignored = plan.ignored
        if amendments.concern(chosen):
            _, given_up = amendments.apply(plan.gemini_body, chosen)
            ignored = (*ignored, *given_up)
        if settings.show_thinking_process is False:
            hide_thoughts(plan.gemini_body)
        return replace(
            plan, model=chosen.asked, ignored=ignored, shows_sources=settings.show_search_link
        )

    async def _call(self, asker: Asker, plan: ChatPlan, chosen: Chosen) -> Call:
        if plan.remote_media:
            await fetch_media(self._runtime, asker.exchange, plan.remote_media)
        verb = "streamGenerateContent" if plan.stream else "generateContent"
        return await call_model(
            self._runtime, asker, chosen.model, verb, plan.gemini_body, asked=chosen.asked
        )


class _Voice(Events):
    """Each event is translated; a complete answer ends with `[DONE]`."""

    watch_finish = False
    before = None

    def __init__(self, stream: ChatStream) -> None:
        self._stream = stream

    def say(self, block: bytes) -> bytes:
        events = [orjson.loads(payload) for payload in events_of(block)]
        return b"".join([self._stream.feed(event) for event in events if isinstance(event, dict)])

    def is_finished(self) -> bool:
        return self._stream.finished

    def ending(self) -> bytes:
        return self._stream.finish()

    def failure(self, failure: StreamFailedError) -> bytes:
        error = failure.error
        return self._stream.error_frame(error.message, openai_type(error.status), error.code)

    def usage(self) -> TokenUsage | None:
        return read_usage(self._stream.usage)
