"""LangChain with its OpenAI models."""

from typing import Any

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from reporting import (
    EMBEDDING_MODEL,
    LEAST_IMAGE_TOKENS,
    MODEL,
    PICTURE_URL,
    SIGNING_MODEL,
    TOKEN,
    UNKNOWN_MODEL,
    URL,
    need,
    raised,
    run,
)

BASE = f"{URL}/v1"


class City(BaseModel):
    name: str
    inhabitants: int


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return "21 degrees"


def model(name: str = MODEL, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model=name, base_url=BASE, max_retries=0, **{"api_key": TOKEN, **options})


def chat() -> str:
    answer = model(temperature=0.2).invoke([("system", "Be terse."), ("user", "repeat praline")])
    need("praline" in answer.text and answer.usage_metadata, answer)
    return str(answer.response_metadata["finish_reason"])


def stream() -> str:
    chunks = list(model(stream_usage=True).stream("please repeat praline"))
    need("praline" in "".join(chunk.text for chunk in chunks), chunks)
    need(any(chunk.usage_metadata for chunk in chunks), chunks[-1])
    return "with usage"


def tools() -> str:
    bound = model(SIGNING_MODEL).bind_tools([get_weather])
    messages: list[Any] = [HumanMessage("How warm is it?")]
    call_turn = bound.invoke(messages)
    [call] = call_turn.tool_calls
    messages += [call_turn, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
    answer = bound.invoke(messages)
    need("21 degrees" in answer.text, answer)
    return "two turns"


def structured() -> str:
    answer = model().with_structured_output(City).invoke("Which city?")
    need(isinstance(answer, City), answer)
    return str(answer)


def vision() -> str:
    picture = {"type": "image_url", "image_url": {"url": PICTURE_URL}}
    answer = model().invoke([HumanMessage([{"type": "text", "text": "what is this?"}, picture])])
    need(answer.usage_metadata["input_tokens"] > LEAST_IMAGE_TOKENS, answer.usage_metadata)
    return "data URL"


def embeddings() -> str:
    embedder = OpenAIEmbeddings(
        model=EMBEDDING_MODEL, base_url=BASE, api_key=TOKEN, check_embedding_ctx_length=False
    )
    vectors = embedder.embed_documents(["a", "b"])
    need(len(vectors) == 2 and len(vectors[0]) > 0, len(vectors))
    return "check_embedding_ctx_length=False"


def responses() -> str:
    chunks = list(model(use_responses_api=True).stream("please repeat praline"))
    need("praline" in "".join(chunk.text for chunk in chunks), chunks)
    need(any(chunk.usage_metadata for chunk in chunks), chunks[-1])
    return "use_responses_api=True"


def error() -> str:
    raised(openai.NotFoundError, lambda: model(UNKNOWN_MODEL).invoke("hello"))
    raised(openai.AuthenticationError, lambda: model(api_key="sk-unknown").invoke("hello"))
    return "NotFoundError, AuthenticationError"


run(
    ("langchain-openai", "openai"),
    {
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "structured": structured,
        "vision": vision,
        "embeddings": embeddings,
        "error": error,
        "responses": responses,
    },
)
