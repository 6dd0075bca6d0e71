"""LiteLLM as a client of either dialect."""

import json
from typing import Any

import httpx
import litellm
from pydantic import BaseModel
from reporting import (
    DIALECT,
    EMBEDDING_MODEL,
    LEAST_IMAGE_TOKENS,
    MODEL,
    PICTURE_URL,
    SIGNING_MODEL,
    SOUND,
    TOKEN,
    UNKNOWN_MODEL,
    URL,
    need,
    raised,
    run,
)

IS_GEMINI = DIALECT == "gemini"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


class City(BaseModel):
    name: str
    inhabitants: int


def options(model: str, token: str = TOKEN) -> dict[str, Any]:
    if IS_GEMINI:
        return {"model": f"gemini/{model}", "api_base": f"{URL}/v1beta", "api_key": token}
    return {"model": f"openai/{model}", "api_base": f"{URL}/v1", "api_key": token}


def ask(content: Any, model: str = MODEL, token: str = TOKEN, **more: Any) -> Any:
    messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
    return litellm.completion(messages=messages, max_retries=0, **options(model, token), **more)


def chat() -> str:
    answer = ask("please repeat praline", temperature=0.2)
    need("praline" in answer.choices[0].message.content, answer)
    need(answer.usage.total_tokens > 0, answer)
    return str(answer.choices[0].finish_reason)


def stream() -> str:
    chunks = list(ask("repeat praline", stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    need("praline" in text, text)
    return f"{len(chunks)} chunks"


def tools() -> str:
    messages: list[Any] = [{"role": "user", "content": "How warm is it?"}]
    first = ask(messages, SIGNING_MODEL, tools=[WEATHER])
    [call] = first.choices[0].message.tool_calls
    need("city" in json.loads(call.function.arguments), call)
    messages += [
        first.choices[0].message.model_dump(),
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
    ]
    last = ask(messages, SIGNING_MODEL, tools=[WEATHER])
    need("21 degrees" in last.choices[0].message.content, last)
    return str(first.choices[0].finish_reason)


def structured() -> str:
    answer = ask("Which city?", response_format=City)
    return str(City.model_validate_json(answer.choices[0].message.content))


def vision() -> str:
    picture = {"type": "image_url", "image_url": {"url": PICTURE_URL}}
    content = [{"type": "text", "text": "what is this?"}, picture]
    answer = ask([{"role": "user", "content": content}])
    need(answer.usage.prompt_tokens > LEAST_IMAGE_TOKENS, answer.usage)
    return "data URL"


def embeddings() -> str:
    answer = litellm.embedding(input=["a", "b"], **options(EMBEDDING_MODEL))
    need(len(answer.data) == 2, answer)
    return "two"


def error() -> str:
    raised(litellm.NotFoundError, lambda: ask("hello", UNKNOWN_MODEL))
    raised(litellm.AuthenticationError, lambda: ask("hello", token="sk-unknown"))
    return "NotFoundError, AuthenticationError"


def images() -> str:
    # It refuses `response_format` by itself, for models that it does not know to be OpenAI's.
    answer = litellm.image_generation(prompt="a cat", **options("gemini-2.5-flash-image"))
    picture = httpx.get(answer.data[0].url).content
    need(picture[:4] == b"\x89PNG", answer)
    return "url"


def speech() -> str:
    answer = litellm.speech(voice="alloy", input="hello", response_format="wav", **options("tts-1"))
    need(answer.content[:4] == b"RIFF", answer.content[:64])
    return "wav"


def transcription() -> str:
    answer = litellm.transcription(file=("silence.wav", SOUND), **options("whisper-1"))
    need(answer.text, answer)
    return "wav"


litellm.suppress_debug_info = True
FEATURES = {
    "chat": chat,
    "stream": stream,
    "tools": tools,
    "structured": structured,
    "vision": vision,
    "embeddings": embeddings,
    "error": error,
}
run(
    ("litellm",),
    FEATURES
    if IS_GEMINI
    else {**FEATURES, "images": images, "speech": speech, "transcription": transcription},
)
