"""Pydantic AI, with its models for either dialect."""

from typing import Any

from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.exceptions import ModelHTTPError
from reporting import (
    DIALECT,
    LEAST_IMAGE_TOKENS,
    MODEL,
    PICTURE,
    SIGNING_MODEL,
    TOKEN,
    UNKNOWN_MODEL,
    URL,
    need,
    run,
)

IS_GEMINI = DIALECT == "gemini"


class City(BaseModel):
    name: str
    inhabitants: int


def model(name: str = MODEL, token: str = TOKEN) -> Any:
    if IS_GEMINI:
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        return GoogleModel(name, provider=GoogleProvider(api_key=token, base_url=URL))
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(name, provider=OpenAIProvider(api_key=token, base_url=f"{URL}/v1"))


async def chat() -> str:
    answer = await Agent(model(), instructions="Be terse.").run("please repeat praline")
    need("praline" in answer.output, answer)
    return str(answer.response.finish_reason)


async def stream() -> str:
    async with Agent(model()).run_stream("please repeat praline") as answer:
        pieces = [piece async for piece in answer.stream_text(delta=True)]
    need("praline" in "".join(pieces), pieces)
    return f"{len(pieces)} pieces"


async def tools() -> str:
    agent = Agent(model(SIGNING_MODEL))
    asked = []

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        asked.append(city)
        return "21 degrees"

    answer = await agent.run("How warm is it?")
    need(len(asked) == 1 and "21 degrees" in answer.output, answer)
    return "called by the agent"


async def structured() -> str:
    answer = await Agent(model(), output_type=City).run("Which city?")
    need(isinstance(answer.output, City), answer)
    return str(answer.output)


async def vision() -> str:
    picture = BinaryContent(data=PICTURE, media_type="image/png")
    answer = await Agent(model()).run(["what is this?", picture])
    need(answer.response.usage.input_tokens > LEAST_IMAGE_TOKENS, answer.response.usage)
    return "inline" if IS_GEMINI else "data URL"


async def error() -> str:
    found = []
    for wrong in (model(UNKNOWN_MODEL), model(token="sk-unknown")):
        try:
            await Agent(wrong).run("hello")
        except ModelHTTPError as refused:
            found.append(refused.status_code)
    need(found == [404, 401], found)
    return "ModelHTTPError 404, 401"


run(
    ("pydantic-ai-slim", "google-genai" if IS_GEMINI else "openai"),
    {
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "structured": structured,
        "vision": vision,
        "error": error,
    },
)
