import base64
import io
import json
import struct
import wave
import zlib
from typing import Any

import orjson
import pytest
from google.ai import generativelanguage_v1beta as api

from services.simulator.answers import Answer, compose
from services.simulator.catalog import MODELS
from services.simulator.replies import Writer
from services.simulator.tokens import count_request

# The one field that the public proto does not have yet; nothing else may be missing from it.
NEWER = "serviceTier"

WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
}
TIME = {"name": "get_time", "parametersJsonSchema": {"type": "object"}}


def ask(text: str = "hello", **rest: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **rest}


def answer(request: dict[str, Any], model: str = "gemini-2.5-flash", project: str = "p") -> Answer:
    return compose(request, MODELS[model], project)


def text_of(found: Answer) -> str:
    return "".join(part.get("text", "") for part in found.parts if not part.get("thought"))


def writer(request: dict[str, Any], model: str, cached: int = 0) -> Writer:
    return Writer(MODELS[model], count_request(request), cached)


def parse(reply: dict[str, Any]) -> Any:
    known = orjson.loads(orjson.dumps(reply))
    known["usageMetadata"].pop(NEWER, None)
    return api.GenerateContentResponse.from_json(json.dumps(known), ignore_unknown_fields=False)


REQUESTS = {
    "words": ask(),
    "thoughts": ask(generationConfig={"thinkingConfig": {"includeThoughts": True}}),
    "json": ask(generationConfig={"responseMimeType": "application/json"}),
    "one tool": ask(tools=[{"functionDeclarations": [WEATHER, TIME]}]),
    "all tools": ask("call all tools", tools=[{"functionDeclarations": [WEATHER, TIME]}]),
    "blocked": ask("[[block]]"),
    "unsafe": ask("[[safety]]"),
    "cut": ask("a long prompt", generationConfig={"maxOutputTokens": 3}),
    "long": ask("[[words 200]]"),
}
TEXT_MODELS = ["gemini-3-flash-preview", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.0-flash"]


@pytest.mark.parametrize("model", TEXT_MODELS)
@pytest.mark.parametrize("name", REQUESTS)
def test_replies_and_chunks_fit_the_public_proto(model: str, name: str) -> None:
    request = REQUESTS[name]
    found = answer(request, model)

    parse(writer(request, model, 7).whole([found]))
    chunks = [parse(chunk) for chunk in writer(request, model).chunks(found)]

    assert chunks


@pytest.mark.parametrize("model", TEXT_MODELS)
@pytest.mark.parametrize("name", REQUESTS)
def test_a_stream_says_what_the_whole_reply_says(model: str, name: str) -> None:
    request = REQUESTS[name]
    found = answer(request, model)

    whole = writer(request, model).whole([found])
    chunks = list(writer(request, model).chunks(found))

    def parts(reply: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            part
            for candidate in reply.get("candidates", [])
            for part in candidate.get("content", {}).get("parts", [])
        ]

    def words(found: list[dict[str, Any]]) -> str:
        return "".join(part.get("text", "") for part in found)

    def calls(found: list[dict[str, Any]]) -> list[Any]:
        return [part["functionCall"] for part in found if "functionCall" in part]

    streamed = [part for chunk in chunks for part in parts(chunk)]
    assert words(streamed) == words(parts(whole))
    assert calls(streamed) == calls(parts(whole))
    assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]
    totals = [chunk["usageMetadata"]["totalTokenCount"] for chunk in chunks]
    assert totals == sorted(totals)
    finishes = ["finishReason" in each for chunk in chunks for each in chunk.get("candidates", [])]
    assert finishes == [False] * (len(finishes) - 1) + [True] * bool(finishes)


@pytest.mark.parametrize("model", TEXT_MODELS)
def test_usage_adds_up(model: str) -> None:
    request = REQUESTS["words"]

    usage = writer(request, model, 9).whole([answer(request, model)])["usageMetadata"]

    assert usage["cachedContentTokenCount"] == 9
    assert usage["totalTokenCount"] == (
        usage["promptTokenCount"]
        + usage["candidatesTokenCount"]
        + usage.get("thoughtsTokenCount", 0)
    )


def test_the_same_request_gets_the_same_answer_and_another_a_different_one() -> None:
    assert answer(ask()) == answer(ask())
    assert answer(ask()).seed != answer(ask("other")).seed


def test_the_last_words_of_the_user_are_repeated() -> None:
    request = ask("first")
    request["contents"] += [{"role": "model", "parts": [{"text": "mine"}]}, *ask("äß")["contents"]]

    assert text_of(answer(request)) == "gemini-2.5-flash heard: äß"


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_the_limit_cuts_the_words(limit: int) -> None:
    found = answer(ask("ä" * 50, generationConfig={"maxOutputTokens": limit}))

    assert found.finish_reason == "MAX_TOKENS"
    assert 0 < len(text_of(found).encode()) <= limit * 4
    assert found.tokens["TEXT"] <= limit


def test_thinking_uses_up_a_small_limit() -> None:
    request = ask(generationConfig={"maxOutputTokens": 5})

    found = answer(request, "gemini-3-flash-preview")
    reply = writer(request, "gemini-3-flash-preview").whole([found])

    assert reply["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert "parts" not in reply["candidates"][0]["content"]
    assert "candidatesTokenCount" not in reply["usageMetadata"]
    assert reply["usageMetadata"]["thoughtsTokenCount"] == 5


def test_the_first_stop_sequence_ends_the_words() -> None:
    found = answer(ask("one two three", generationConfig={"stopSequences": ["three", " two"]}))

    assert text_of(found) == "gemini-2.5-flash heard: one"
    assert found.finish_reason == "STOP"


def test_thoughts_come_first_and_are_marked() -> None:
    found = answer(REQUESTS["thoughts"])

    assert found.parts[0]["thought"] is True
    assert found.thoughts_tokens > 0


@pytest.mark.parametrize("field", ["responseSchema", "responseJsonSchema"])
def test_json_keeps_to_the_schema(field: str) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    config = {"responseMimeType": "application/json", field: schema}

    assert json.loads(text_of(answer(ask(generationConfig=config)))) == {"city": "text"}


def test_json_without_a_schema_echoes() -> None:
    config = {"responseMimeType": "application/json"}

    assert json.loads(text_of(answer(ask(generationConfig=config)))) == {"echo": "hello"}


def test_an_enumeration_is_answered_bare() -> None:
    schema = {"type": "STRING", "enum": ["yes", "no"]}
    config = {"responseMimeType": "text/x.enum", "responseSchema": schema}

    assert text_of(answer(ask(generationConfig=config))) == "yes"


def test_the_first_function_is_called_with_made_up_arguments() -> None:
    found = answer(REQUESTS["one tool"])

    assert [part["functionCall"] for part in found.parts] == [
        {"name": "get_weather", "args": {"city": "text"}}
    ]
    assert found.finish_message == "Model generated function call(s)."


def test_an_allowed_function_is_preferred() -> None:
    calling = {"mode": "ANY", "allowedFunctionNames": ["get_time"]}
    request = REQUESTS["one tool"] | {"toolConfig": {"functionCallingConfig": calling}}

    assert answer(request).parts[0]["functionCall"]["name"] == "get_time"


def test_mode_none_calls_nothing() -> None:
    request = REQUESTS["one tool"] | {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}

    assert text_of(answer(request)) == "gemini-2.5-flash heard: hello"


def test_new_models_give_calls_ids_and_sign_the_first() -> None:
    found = answer(REQUESTS["all tools"], "gemini-3-flash-preview")

    calls = [part["functionCall"] for part in found.parts]
    assert [call["name"] for call in calls] == ["get_weather", "get_time"]
    assert len({call["id"] for call in calls}) == 2
    assert ["thoughtSignature" in part for part in found.parts] == [True, False]


def test_old_models_give_calls_neither() -> None:
    found = answer(REQUESTS["all tools"], "gemini-2.0-flash")

    assert not any("thoughtSignature" in part for part in found.parts)
    assert not any("id" in part["functionCall"] for part in found.parts)


def test_results_are_quoted() -> None:
    request = REQUESTS["one tool"] | {
        "contents": [
            *ask()["contents"],
            {"role": "model", "parts": [{"functionCall": {"name": "get_weather"}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "get_weather", "response": {"c": 21}}}],
            },
        ]
    }

    assert text_of(answer(request)) == 'gemini-2.5-flash learned: get_weather returned {"c":21}.'


def test_a_blocked_prompt_has_no_candidates() -> None:
    reply = writer(REQUESTS["blocked"], "gemini-2.5-flash").whole([answer(REQUESTS["blocked"])])

    assert reply["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
    assert "candidates" not in reply


def test_an_unsafe_answer_has_ratings_and_no_content() -> None:
    reply = writer(REQUESTS["unsafe"], "gemini-2.5-flash").whole([answer(REQUESTS["unsafe"])])

    candidate = reply["candidates"][0]
    assert candidate["finishReason"] == "SAFETY"
    assert "content" not in candidate
    assert candidate["safetyRatings"][0]["blocked"] is True


def test_pictures_are_real() -> None:
    config = {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "16:9"}}
    found = answer(ask(generationConfig=config), "gemini-2.5-flash-image")

    data = base64.b64decode(found.parts[0]["inlineData"]["data"])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert width / height == pytest.approx(16 / 9, rel=0.02)
    start = data.index(b"IDAT")
    length = int.from_bytes(data[start - 4 : start])
    pixels = zlib.decompress(data[start + 4 : start + 4 + length])
    assert len(pixels) == height * (1 + 3 * width)


def test_speech_is_pcm_of_the_rate_it_claims() -> None:
    found = answer(ask("say something longer than that"), "gemini-2.5-flash-preview-tts")

    sound = found.parts[0]["inlineData"]
    pcm = base64.b64decode(sound["data"])
    assert sound["mimeType"] == "audio/L16;codec=pcm;rate=24000"
    assert len(pcm) % 2 == 0
    assert len(pcm) / 2 / 24000 == pytest.approx(30 / 20)
    with wave.open(io.BytesIO(), "wb") as written:
        written.setparams((1, 2, 24000, 0, "NONE", ""))
        written.writeframes(pcm)


@pytest.mark.parametrize("model", ["gemini-2.5-flash-image", "gemini-2.5-flash-preview-tts"])
def test_media_fit_the_public_proto_too(model: str) -> None:
    found = answer(ask(), model)

    parse(writer(ask(), model).whole([found]))
    for chunk in writer(ask(), model).chunks(found):
        parse(chunk)
