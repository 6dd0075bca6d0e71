"""LangChain with its Gemini models."""

from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings
from langchain_google_genai.chat_models import ChatGoogleGenerativeAIError
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


class City(BaseModel):
    name: str
    inhabitants: int


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return "21 degrees"


def model(name: str = MODEL, **options: Any) -> ChatGoogleGenerativeAI:
    given = {"api_key": TOKEN, "max_retries": 1, **options}
    return ChatGoogleGenerativeAI(model=name, base_url=URL, **given)


def chat() -> str:
    answer = model(temperature=0.2).invoke([("system", "Be terse."), ("user", "repeat nougat")])
    need("nougat" in answer.text and answer.usage_metadata, answer)
    return str(answer.response_metadata["finish_reason"])


def stream() -> str:
    chunks = list(model().stream("please repeat nougat"))
    need("nougat" in "".join(chunk.text for chunk in chunks), chunks)
    return f"{len(chunks)} chunks"


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
    picture = {"type": "image_url", "image_url": PICTURE_URL}
    answer = model().invoke([HumanMessage([{"type": "text", "text": "what is this?"}, picture])])
    need(answer.usage_metadata["input_tokens"] > LEAST_IMAGE_TOKENS, answer.usage_metadata)
    return "data URL"


def embeddings() -> str:
    embedder = GoogleGenerativeAIEmbeddings(
        model=EMBEDDING_MODEL, base_url=URL, google_api_key=TOKEN
    )
    vectors = embedder.embed_documents(["a", "b"])
    need(len(vectors) == 2 and len(vectors[0]) > 0, len(vectors))
    return "two"


def error() -> str:
    unknown = raised(ChatGoogleGenerativeAIError, lambda: model(UNKNOWN_MODEL).invoke("hello"))
    need("404" in str(unknown), unknown)
    stranger = raised(
        ChatGoogleGenerativeAIError, lambda: model(api_key="sk-unknown").invoke("hello")
    )
    need("401" in str(stranger), stranger)
    return "ChatGoogleGenerativeAIError 404, 401"


def count_tokens() -> str:
    tokens = model().get_num_tokens("how many are these")
    need(tokens > 0, tokens)
    return f"{tokens} tokens"


run(
    ("langchain-google-genai", "google-genai"),
    {
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "structured": structured,
        "vision": vision,
        "embeddings": embeddings,
        "error": error,
        "count_tokens": count_tokens,
    },
)
