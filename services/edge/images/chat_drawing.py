"""Chats with a model that only draws: `<image model>-chat`, where that is an Imagen."""

import time
from dataclasses import replace
from typing import Any

from services.edge.disconnect import ClientWatch
from services.edge.images.asking import calls_of
from services.edge.images.drawing import draw
from services.edge.models.choosing import Chosen
from services.edge.needs import Asker
from services.edge.openai.chat_request import translate_chat
from services.edge.openai.chat_response import translate_answer
from services.edge.openai.chat_stream import ChatStream
from services.edge.openai.errors import BadRequestError
from services.edge.openai.image_answer import Picture
from services.edge.openai.image_request import translate_generation
from services.edge.openai_calls import EVENT_STREAM, new_id, send_answer, tell_ignored
from services.edge.runtime import Runtime


async def draw_chat(runtime: Runtime, asker: Asker, chosen: Chosen, body: dict[str, Any]) -> None:
    """Answer a chat with pictures of what its last turn says.

    Raises:
        BadRequestError: The chat cannot be read, or its last turn says nothing.
        ApiError: There is no picture.
    """
    chat = translate_chat({**body, "model": chosen.model})
    plan = translate_generation(
        {"model": chosen.model, "prompt": _last_words(chat.gemini_body), "n": chat.n},
        default_model=chosen.model,
    )
    calls = await calls_of(runtime, asker, plan, asked=chosen.asked)
    exchange = asker.exchange
    async with ClientWatch(exchange):
        drawing = await draw(runtime, calls)
    chat = replace(chat, model=chosen.asked)
    answer = {"candidates": [_candidate(picture) for picture in drawing.pictures]}
    tell_ignored(exchange, chat.ignored)
    completion_id, created = new_id("chatcmpl"), int(time.time())
    if not chat.stream:
        told = translate_answer(chat, answer, completion_id=completion_id, created=created)
        await send_answer(exchange, told, drawing.told)
        return
    stream = ChatStream(chat, completion_id=completion_id, created=created)
    frames = stream.feed(answer) + stream.finish()
    await exchange.answer(200, [*EVENT_STREAM, *drawing.told], frames)


def _last_words(request: dict[str, Any]) -> str:
    """Return the text of the last turn."""
    last = request["contents"][-1]
    text = "\n".join(part["text"] for part in last["parts"] if part.get("text"))
    if not text.strip():
        raise BadRequestError(
            "The last message must say what is to be drawn.", "messages", "invalid_value"
        )
    return text


def _candidate(picture: Picture) -> dict[str, Any]:
    part = {"inlineData": {"mimeType": picture.media_type, "data": picture.data}}
    return {"content": {"parts": [part]}, "finishReason": "STOP"}
