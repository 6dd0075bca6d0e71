"""OpenAI's Python SDK. Runs under each major of it."""

import base64
import io
import json
from typing import Any

import openai
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel
from reporting import (
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

client = openai.OpenAI(api_key=TOKEN, base_url=f"{URL}/v1", max_retries=0)
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class City(BaseModel):
    name: str
    inhabitants: int


def ask(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "system", "content": "Be terse."}, {"role": "user", "content": text}]


def chat() -> str:
    answer = client.chat.completions.create(
        model=MODEL, messages=ask("please repeat praline"), temperature=0.2, max_tokens=200
    )
    need(answer.choices[0].finish_reason == "stop", answer)
    need("praline" in (answer.choices[0].message.content or ""), answer)
    need(answer.usage and answer.usage.total_tokens > 0, answer)
    return answer.object


def stream() -> str:
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=ask("please repeat praline"),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    need("praline" in text, text)
    need(chunks[-1].usage and chunks[-1].usage.total_tokens > 0, chunks[-1])
    return f"{len(chunks)} chunks"


def tools() -> str:
    messages = ask("How warm is it?")
    first = client.chat.completions.create(model=SIGNING_MODEL, messages=messages, tools=[WEATHER])
    [call] = first.choices[0].message.tool_calls or []
    need(call.type == "function" and "city" in json.loads(call.function.arguments), call)
    messages.append(first.choices[0].message)  # type: ignore[arg-type]  # as the SDK's docs do
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "21 degrees"})
    last = client.chat.completions.create(model=SIGNING_MODEL, messages=messages, tools=[WEATHER])
    need("21 degrees" in (last.choices[0].message.content or ""), last)
    return first.choices[0].finish_reason


def structured() -> str:
    answer = client.chat.completions.parse(
        model=MODEL, messages=ask("Which city?"), response_format=City
    )
    need(isinstance(answer.choices[0].message.parsed, City), answer)
    return str(answer.choices[0].message.parsed)


def vision() -> str:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image_url", "image_url": {"url": PICTURE_URL}},
                ],
            }
        ],
    )
    need(answer.usage and answer.usage.prompt_tokens > LEAST_IMAGE_TOKENS, answer.usage)
    return "data URL"


def embeddings() -> str:
    answer = client.embeddings.create(model=EMBEDDING_MODEL, input=["a", "b"], dimensions=64)
    need([len(row.embedding) for row in answer.data] == [64, 64], answer)
    return "two of 64"


def files() -> str:
    made = client.files.create(file=("notes.txt", b"apricots and figs"), purpose="user_data")
    need(made.id in {file.id for file in client.files.list()}, made)
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"file_id": made.id}},
                    {"type": "text", "text": "please repeat fig"},
                ],
            }
        ],
    )
    need("fig" in (answer.choices[0].message.content or ""), answer)
    need(client.files.delete(made.id).deleted, made)
    return "made, listed, cited, deleted"


def models() -> str:
    names = [model.id for model in client.models.list()]
    need(MODEL in names, names)
    need(client.models.retrieve(MODEL).id == MODEL, names)
    return f"{len(names)} models"


def error() -> str:
    unknown = raised(
        openai.NotFoundError,
        lambda: client.chat.completions.create(model=UNKNOWN_MODEL, messages=ask("hello")),
    )
    need(unknown.code == "model_not_found" and unknown.request_id, unknown)
    stranger = openai.OpenAI(api_key="sk-unknown", base_url=f"{URL}/v1")
    refused = raised(openai.AuthenticationError, stranger.models.list)
    need(refused.code == "invalid_api_key", refused)
    return "NotFoundError, AuthenticationError"


def completions() -> str:
    answer = client.completions.create(model=MODEL, prompt="please repeat praline")
    need("praline" in answer.choices[0].text, answer)
    return answer.object


def images() -> str:
    answer = client.images.generate(prompt="a cat", response_format="b64_json")
    [picture] = answer.data or []
    need(base64.b64decode(picture.b64_json or "")[:4] == b"\x89PNG", answer)
    return "b64_json"


def speech() -> str:
    answer = client.audio.speech.create(
        model="tts-1", voice="alloy", input="hello", response_format="wav"
    )
    need(answer.content[:4] == b"RIFF", answer.content[:64])
    return "wav"


def transcription() -> str:
    sound = io.BytesIO(SOUND)
    sound.name = "silence.wav"
    answer = client.audio.transcriptions.create(model="whisper-1", file=sound)
    need(answer.text, answer)
    return "wav"


def responses() -> str:
    given: dict[str, Any] = {
        "model": SIGNING_MODEL,
        "tools": [{"type": "function", **WEATHER["function"]}],
    }
    first = client.responses.create(input="How warm is it?", **given)
    [call] = [item for item in first.output if item.type == "function_call"]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}
    with client.responses.stream(input=[result], previous_response_id=first.id, **given) as events:
        kinds = [event.type for event in events]
        last = events.get_final_response()
    need("21 degrees" in last.output_text, last)
    need("response.output_text.delta" in kinds and kinds[-1] == "response.completed", kinds)
    return "two turns, kept and streamed"


run(
    ("openai",),
    {
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "structured": structured,
        "vision": vision,
        "embeddings": embeddings,
        "files": files,
        "models": models,
        "error": error,
        "completions": completions,
        "images": images,
        "speech": speech,
        "transcription": transcription,
        "responses": responses,
    },
)
