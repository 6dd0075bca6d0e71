from typing import Any

import pytest

from services.simulator.catalog import MODELS
from services.simulator.errors import ApiError
from services.simulator.rules import check_generate
from services.simulator.turns import SENTINEL, check_signatures, check_turns, sign

USER = {"role": "user", "parts": [{"text": "hi"}]}
CALL = {"functionCall": {"name": "f", "args": {}}}
SIGNED = {**CALL, "thoughtSignature": "AAAA"}
RESULT = {"functionResponse": {"name": "f", "response": {"ok": True}}}
FUNCTION = {"functionDeclarations": [{"name": "f"}]}
COUNT = "Please ensure that the number of function response parts is equal to the number of"
MISSING = "Function call is missing a thought_signature in functionCall parts."


def model_turn(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def user_turn(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def config(**fields: Any) -> dict[str, Any]:
    return {"contents": [USER], "generationConfig": fields}


@pytest.mark.parametrize(
    ("model", "request_", "message"),
    [
        ("gemini-2.5-flash", {}, "* GenerateContentRequest.contents: contents is not specified"),
        ("gemini-2.5-flash", {"contents": [{"role": "system", "parts": [{"text": "x"}]}]},
         "Please use a valid role: user, model."),
        ("gemini-2.5-flash", {"contents": [{"role": "user"}]}, "contents.parts must not be empty"),
        ("gemini-2.5-flash", {"contents": [user_turn({"text": ""})]},
         "contents[0].parts[0].data: required oneof field 'data' must have one initialized field"),
        ("gemini-3-flash-preview", config(candidateCount=2),
         "Multiple candidates is not enabled for this model"),
        ("gemini-2.5-flash", config(candidateCount=9), "candidate_count"),
        ("gemini-2.5-flash", config(stopSequences=list("abcdef")), "stop_sequences"),
        ("gemini-3-flash-preview", config(presencePenalty=0.5), "Penalty is not enabled"),
        ("gemini-3-flash-preview", config(thinkingConfig={
            "thinkingBudget": 1, "thinkingLevel": "LOW"}), "only one of thinking budget"),
        ("gemini-2.5-pro", config(thinkingConfig={"thinkingBudget": 0}), "Budget 0 is invalid"),
        ("gemini-2.5-flash", config(temperature=2.1), "[0.0, 2.0]"),
        ("gemini-2.5-flash", config(responseMimeType="application/json") | {"tools": [FUNCTION]},
         "Function calling with a response mime type: 'application/json' is unsupported"),
        ("gemini-2.5-flash", config(responseMimeType="application/json")
         | {"tools": [{"googleSearch": {}}]},
         "Tool use with a response mime type: 'application/json' is unsupported"),
        ("gemini-2.5-flash", {"contents": [USER], "tools": [FUNCTION, {"googleSearch": {}}]},
         "Tool use with function calling is unsupported"),
        ("gemini-3-flash-preview", {"contents": [USER], "tools": [FUNCTION, {"googleSearch": {}}]},
         "include_server_side_tool_invocations"),
        ("gemini-2.5-flash", {"contents": [USER], "tools": [
            {"functionDeclarations": [{"name": "1st"}]}]}, "Invalid function name"),
        ("gemini-2.5-flash", {"contents": [USER], "tools": [{"functionDeclarations": [
            {"name": "f", "parameters": {"type": "OBJECT", "properties": {
                "a": {"type": "ARRAY"}}}}]}]},
         "tools[0].function_declarations[0].parameters.properties[a].items: missing field."),
        ("gemini-2.5-flash", config(responseSchema={"type": "ARRAY"}),
         "generation_config.response_schema.items: missing field."),
        ("gemini-2.5-flash", {"contents": [USER], "cachedContent": "cachedContents/x",
                              "tools": [FUNCTION]}, "CachedContent can not be used with"),
        ("gemini-2.5-flash", config(responseModalities=["IMAGE"]),
         "The requested combination of response modalities (IMAGE) is not supported"),
        ("gemini-2.5-flash-preview-tts", config(responseModalities=["TEXT"]),
         "accepts the following combination of response modalities:\n* AUDIO"),
        ("gemini-2.5-flash-preview-tts", config(speechConfig={"voiceConfig": {
            "prebuiltVoiceConfig": {"voiceName": "Nobody"}}}),
         "Voice name nobody is not supported. Allowed voice names are: achernar,"),
        ("gemini-2.5-flash-preview-tts", {"contents": [USER], "systemInstruction": USER},
         "Developer instruction is not enabled for models/gemini-2.5-flash-preview-tts"),
        ("gemini-2.5-flash", config(imageConfig={"aspectRatio": "1:1"}), "not enabled"),
        ("gemini-2.5-flash-image", config(imageConfig={"aspectRatio": "7:1"}), "aspect_ratio"),
        ("gemini-2.5-flash-image", config(imageConfig={"imageSize": "2K"}), "image_size"),
        ("gemini-3-pro-image-preview", config(imageConfig={"imageSize": "8K"}), "image_size"),
    ],
)  # fmt: skip
def test_what_google_refuses_is_refused_in_its_words(
    model: str, request_: dict[str, Any], message: str
) -> None:
    with pytest.raises(ApiError) as caught:
        check_generate(request_, MODELS[model])

    assert message in caught.value.message
    assert caught.value.code == 400


@pytest.mark.parametrize(
    ("model", "request_"),
    [
        ("gemini-2.5-flash", config(candidateCount=8, stopSequences=list("abcde"))),
        ("gemini-3-flash-preview",
         config(responseMimeType="application/json") | {"tools": [FUNCTION]}),
        ("gemini-3-flash-preview", {
            "contents": [USER], "tools": [FUNCTION, {"googleSearch": {}}],
            "toolConfig": {"includeServerSideToolInvocations": True}}),
        ("gemini-2.5-flash", {"contents": [{"role": "model", "parts": []}, USER]}),
        ("gemini-2.5-flash-image", config(responseModalities=["IMAGE", "TEXT"])),
        ("gemini-2.5-flash-image", config(imageConfig={"aspectRatio": "21:9", "imageSize": "1K"})),
        ("gemini-3-pro-image-preview", config(imageConfig={"imageSize": "4K"})),
    ],
)  # fmt: skip
def test_what_google_accepts_is_accepted(model: str, request_: dict[str, Any]) -> None:
    check_generate(request_, MODELS[model])


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([USER, model_turn(CALL, CALL), user_turn(RESULT)], COUNT),
        ([USER, model_turn(CALL), user_turn(RESULT, RESULT)], COUNT),
        ([USER, model_turn(CALL), USER], COUNT),
        ([USER, model_turn(CALL, CALL), user_turn(RESULT), user_turn(RESULT)], COUNT),
        ([USER, user_turn(RESULT)], "Please ensure that function response turn comes immediately"),
        ([user_turn(RESULT)], "Please ensure that function response turn comes immediately"),
    ],
)
def test_calls_and_their_results_must_match(contents: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ApiError, match=message):
        check_turns(contents, MODELS["gemini-2.5-flash"])


@pytest.mark.parametrize(
    "contents",
    [
        [USER, model_turn(CALL, CALL), user_turn(RESULT, RESULT)],
        [USER, model_turn(CALL), user_turn(RESULT), model_turn(CALL), user_turn(RESULT)],
        [USER, model_turn(CALL), model_turn(CALL), user_turn(RESULT, RESULT)],
        [USER, model_turn(CALL)],
    ],
)
def test_older_models_take_matching_calls_unsigned(contents: list[dict[str, Any]]) -> None:
    check_turns(contents, MODELS["gemini-2.5-flash"])


@pytest.mark.parametrize(
    "contents",
    [
        [USER, model_turn(CALL), user_turn(RESULT)],
        [USER, model_turn(CALL, SIGNED), user_turn(RESULT, RESULT)],
        [USER, model_turn(SIGNED), user_turn(RESULT), model_turn(CALL), user_turn(RESULT)],
    ],
)
def test_the_first_call_of_every_step_must_be_signed(contents: list[dict[str, Any]]) -> None:
    with pytest.raises(ApiError, match=MISSING):
        check_turns(contents, MODELS["gemini-3-flash-preview"])


@pytest.mark.parametrize(
    "contents",
    [
        [USER, model_turn(SIGNED, CALL), user_turn(RESULT, RESULT)],
        [USER, model_turn(CALL), user_turn(RESULT), model_turn({"text": "done"}), USER],
    ],
)
def test_parallel_calls_and_earlier_turns_need_no_signature(
    contents: list[dict[str, Any]],
) -> None:
    check_turns(contents, MODELS["gemini-3-flash-preview"])


def test_a_signature_is_good_for_its_own_project_only() -> None:
    contents = [model_turn({**CALL, "thoughtSignature": sign("alpha", b"seed")})]
    check_signatures(contents, "alpha")

    with pytest.raises(ApiError, match="Corrupted thought signature"):
        check_signatures(contents, "beta")


@pytest.mark.parametrize("sentinel", [SENTINEL, "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="])
def test_the_sentinel_stands_for_any_signature(sentinel: str) -> None:
    check_signatures([model_turn({**CALL, "thoughtSignature": sentinel})], "beta")
