"""Anthropic's Python SDK."""

from typing import Any

import anthropic
from anthropic.types import MessageParam, ToolParam
from pydantic import BaseModel
from reporting import (
    LEAST_IMAGE_TOKENS,
    MODEL,
    PICTURE_B64,
    SIGNING_MODEL,
    TOKEN,
    UNKNOWN_MODEL,
    URL,
    need,
    raised,
    run,
)

client = anthropic.Anthropic(api_key=TOKEN, base_url=URL, max_retries=0)
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


class City(BaseModel):
    name: str
    inhabitants: int


def ask(content: Any) -> list[MessageParam]:
    return [{"role": "user", "content": content}]


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def chat() -> str:
    message = client.messages.create(
        model=MODEL, max_tokens=200, system="Be terse.", messages=ask("please repeat praline")
    )
    need("praline" in text_of(message) and message.stop_reason == "end_turn", message)
    need(message.usage.input_tokens > 0 and message.usage.output_tokens > 0, message.usage)
    return message.stop_reason or ""


def stream() -> str:
    with client.messages.stream(
        model=MODEL, max_tokens=200, messages=ask("please repeat praline")
    ) as events:
        pieces = list(events.text_stream)
        message = events.get_final_message()
    need("praline" in "".join(pieces) and len(pieces) > 1, pieces)
    need("".join(pieces) == text_of(message) and message.usage.output_tokens > 0, message)
    return f"{len(pieces)} pieces"


def tools() -> str:
    messages = ask("How warm is it?")
    first = client.messages.create(
        model=SIGNING_MODEL, max_tokens=999, messages=messages, tools=[WEATHER]
    )
    [call] = [block for block in first.content if block.type == "tool_use"]
    need(first.stop_reason == "tool_use" and "city" in call.input, first)
    result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}
    messages += [{"role": "assistant", "content": first.content}, *ask([result])]
    last = client.messages.create(
        model=SIGNING_MODEL, max_tokens=999, messages=messages, tools=[WEATHER]
    )
    need("21 degrees" in text_of(last), last)
    return "two turns"


def structured() -> str:
    message = client.messages.parse(
        model=MODEL, max_tokens=999, messages=ask("Which city?"), output_format=City
    )
    need(isinstance(message.parsed_output, City), message)
    return str(message.parsed_output)


def vision() -> str:
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE_B64}
    content = [{"type": "text", "text": "what is this?"}, {"type": "image", "source": source}]
    message = client.messages.create(model=MODEL, max_tokens=999, messages=ask(content))
    need(message.usage.input_tokens > LEAST_IMAGE_TOKENS, message.usage)
    return "base64"


def models() -> str:
    names = [model.id for model in client.models.list()]
    need(MODEL in names and client.models.retrieve(MODEL).id == MODEL, names)
    return f"{len(names)} models"


def error() -> str:
    raised(
        anthropic.NotFoundError,
        lambda: client.messages.create(model=UNKNOWN_MODEL, max_tokens=9, messages=ask("hello")),
    )
    stranger = client.with_options(api_key="sk-unknown")
    raised(anthropic.AuthenticationError, stranger.models.list)
    return "NotFoundError, AuthenticationError"


def count_tokens() -> str:
    counted = client.messages.count_tokens(model=MODEL, messages=ask("how many are these"))
    need(counted.input_tokens > 0, counted)
    return f"{counted.input_tokens} tokens"


run(
    ("anthropic",),
    {
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "structured": structured,
        "vision": vision,
        "models": models,
        "error": error,
        "count_tokens": count_tokens,
    },
)
