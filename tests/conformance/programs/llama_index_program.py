"""LlamaIndex with its models for either dialect."""

import re
from typing import Any

from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.google_genai import GoogleGenAIEmbedding
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.google_genai import GoogleGenAI
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel
from reporting import (
    DIALECT,
    EMBEDDING_MODEL,
    LEAST_IMAGE_TOKENS,
    MODEL,
    PICTURE,
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


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return "21 degrees"


def model(name: str = MODEL, token: str = TOKEN) -> Any:
    if DIALECT == "gemini":
        return GoogleGenAI(model=name, api_key=token, http_options={"base_url": URL}, max_retries=0)
    return OpenAILike(
        model=name,
        api_base=f"{URL}/v1",
        api_key=token,
        is_chat_model=True,
        is_function_calling_model=True,
        should_use_structured_outputs=True,
        max_retries=0,
    )


def chat() -> str:
    answer = model().chat(
        [ChatMessage("Be terse.", role="system"), ChatMessage("please repeat praline")]
    )
    need("praline" in answer.message.content, answer)
    return type(answer.raw).__name__


def stream() -> str:
    pieces = [piece.delta for piece in model().stream_chat([ChatMessage("please repeat praline")])]
    need("praline" in "".join(pieces) and len(pieces) > 1, pieces)
    return f"{len(pieces)} pieces"


def tools() -> str:
    weather = FunctionTool.from_defaults(get_weather)
    answer = model(SIGNING_MODEL).predict_and_call([weather], "How warm is it?")
    need("21 degrees" in answer.response, answer)
    llm = model(SIGNING_MODEL)
    history = [ChatMessage("How warm is it?")]
    first = llm.chat_with_tools([weather], chat_history=history)
    [call] = llm.get_tool_calls_from_response(first)
    result = ChatMessage(
        get_weather(**call.tool_kwargs),
        role="tool",
        additional_kwargs={"tool_call_id": call.tool_id, "name": call.tool_name},
    )
    last = llm.chat_with_tools([weather], chat_history=[*history, first.message, result])
    need("21 degrees" in last.message.content, last)
    return "two turns"


def structured() -> str:
    answer = model().as_structured_llm(City).complete("Which city?")
    need(isinstance(answer.raw, City), answer)
    return str(answer.raw)


def vision() -> str:
    blocks = [
        TextBlock(text="what is this?"),
        ImageBlock(image=PICTURE, image_mimetype="image/png"),
    ]
    answer = model().chat([ChatMessage(role="user", blocks=blocks)])
    counted = re.search(r"prompt_token_count\W+(\d+)|prompt_tokens\W+(\d+)", str(answer.raw))
    tokens = int(next(filter(None, counted.groups()))) if counted else 0
    need(tokens > LEAST_IMAGE_TOKENS, answer.raw)
    return "image block"


def embeddings() -> str:
    if DIALECT == "gemini":
        embedder: Any = GoogleGenAIEmbedding(
            model_name=EMBEDDING_MODEL, api_key=TOKEN, http_options={"base_url": URL}
        )
    else:
        embedder = OpenAILikeEmbedding(
            model_name=EMBEDDING_MODEL, api_base=f"{URL}/v1", api_key=TOKEN
        )
    vectors = embedder.get_text_embedding_batch(["a", "b"])
    need(len(vectors) == 2 and len(vectors[0]) > 0, len(vectors))
    return "two"


def error() -> str:
    hello = [ChatMessage("hello")]
    unknown = raised(Exception, lambda: model(UNKNOWN_MODEL).chat(hello))
    need("404" in str(unknown), unknown)
    stranger = raised(Exception, lambda: model(token="sk-unknown").chat(hello))
    need("401" in str(stranger), stranger)
    return f"{type(unknown).__name__}, {type(stranger).__name__}"


packages = {
    "openai": ("llama-index-llms-openai-like", "llama-index-core"),
    "gemini": ("llama-index-llms-google-genai", "llama-index-core"),
}
run(
    packages[DIALECT],
    {
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "structured": structured,
        "vision": vision,
        "embeddings": embeddings,
        "error": error,
    },
)
