"""Google's Python SDK. Runs under each major of it."""

import io
import os
import ssl

from google import genai
from google.genai import errors, types
from pydantic import BaseModel
from reporting import (
    EMBEDDING_MODEL,
    LEAST_IMAGE_TOKENS,
    LIVE_MODEL,
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

client = genai.Client(api_key=TOKEN, http_options=types.HttpOptions(base_url=URL))


class City(BaseModel):
    name: str
    inhabitants: int


def chat() -> str:
    talk = client.chats.create(model=MODEL)
    talk.send_message("please repeat one")
    answer = talk.send_message("please repeat nougat")
    need("nougat" in (answer.text or ""), answer)
    return str(answer.model_version)


def stream() -> str:
    chunks = list(
        client.models.generate_content_stream(model=MODEL, contents="please repeat nougat")
    )
    need("nougat" in "".join(chunk.text or "" for chunk in chunks), chunks)
    return f"{len(chunks)} chunks"


def tools() -> str:
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        asked.append(city)
        return "21 degrees"

    answer = client.models.generate_content(
        model=SIGNING_MODEL,
        contents="How warm is it?",
        config=types.GenerateContentConfig(tools=[get_weather]),
    )
    need(len(asked) == 1 and "21 degrees" in (answer.text or ""), answer)
    return "called by the SDK"


def structured() -> str:
    answer = client.models.generate_content(
        model=MODEL,
        contents="Which city?",
        config=types.GenerateContentConfig(
            response_mime_type="application/json", response_schema=City
        ),
    )
    need(isinstance(answer.parsed, City), answer)
    return str(answer.parsed)


def vision() -> str:
    answer = client.models.generate_content(
        model=MODEL,
        contents=[types.Part.from_bytes(data=PICTURE, mime_type="image/png"), "what is this?"],
    )
    usage = answer.usage_metadata
    need(usage and (usage.prompt_token_count or 0) > LEAST_IMAGE_TOKENS, usage)
    return "inline"


def embeddings() -> str:
    answer = client.models.embed_content(
        model=EMBEDDING_MODEL,
        contents=["a", "b"],
        config=types.EmbedContentConfig(output_dimensionality=64),
    )
    need([len(row.values or []) for row in answer.embeddings or []] == [64, 64], answer)
    return "two of 64"


def files() -> str:
    made = client.files.upload(
        file=io.BytesIO(b"apricots and figs"),
        config=types.UploadFileConfig(mime_type="text/plain", display_name="notes"),
    )
    need(made.name in {file.name for file in client.files.list()}, made)
    answer = client.models.generate_content(model=MODEL, contents=[made, "please repeat fig"])
    need("fig" in (answer.text or ""), answer)
    client.files.delete(name=made.name or "")
    return "made, listed, cited, deleted"


def models() -> str:
    names = [model.name for model in client.models.list()]
    need(f"models/{MODEL}" in names, names)
    need(client.models.get(model=MODEL).name == f"models/{MODEL}", names)
    return f"{len(names)} models"


def error() -> str:
    unknown = raised(
        errors.ClientError,
        lambda: client.models.generate_content(model=UNKNOWN_MODEL, contents="hello"),
    )
    need((unknown.code, unknown.status) == (404, "NOT_FOUND"), unknown)
    stranger = genai.Client(api_key="sk-unknown", http_options=types.HttpOptions(base_url=URL))
    refused = raised(
        errors.ClientError,
        lambda: stranger.models.generate_content(model=MODEL, contents="hello"),
    )
    need((refused.code, refused.status) == (401, "UNAUTHENTICATED"), refused)
    return "ClientError 404, 401"


def count_tokens() -> str:
    answer = client.models.count_tokens(model=MODEL, contents="how many are these")
    need((answer.total_tokens or 0) > 0, answer)
    return f"{answer.total_tokens} tokens"


def images() -> str:
    answer = client.models.generate_content(
        model="gemini-2.5-flash-image",
        contents="a cat",
        config=types.GenerateContentConfig(response_modalities=["IMAGE"]),
    )
    data = [part.inline_data.data for part in answer.parts or [] if part.inline_data]
    need(data and (data[0] or b"")[:4] == b"\x89PNG", answer)
    return "generateContent"


def speech() -> str:
    answer = client.models.generate_content(
        model="gemini-2.5-flash-preview-tts",
        contents="hello",
        config=types.GenerateContentConfig(
            response_modalities=["AUDIO"],
            speech_config=types.SpeechConfig(
                voice_config=types.VoiceConfig(
                    prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Kore")
                )
            ),
        ),
    )
    sounds = [part.inline_data for part in answer.parts or [] if part.inline_data]
    need(sounds and (sounds[0].mime_type or "").startswith("audio/"), answer)
    return str(sounds[0].mime_type)


async def live() -> str:
    # This client speaks WebSockets over TLS only.
    tls = ssl.create_default_context(cafile=os.environ["LIVE_CA_FILE"])
    options = types.HttpOptions(base_url=os.environ["LIVE_URL"], async_client_args={"ssl": tls})
    talker = genai.Client(api_key=TOKEN, http_options=options)
    config = types.LiveConnectConfig(response_modalities=[types.Modality.TEXT])
    async with talker.aio.live.connect(model=LIVE_MODEL, config=config) as session:
        words = types.Content(role="user", parts=[types.Part(text="please repeat nougat")])
        await session.send_client_content(turns=words)
        said = "".join([message.text or "" async for message in session.receive()])
    need("nougat" in said, said)
    return "a turn"


run(
    ("google-genai",),
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
        "count_tokens": count_tokens,
        "images": images,
        "speech": speech,
        "live": live,
    },
)
