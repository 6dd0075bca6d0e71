"""Parameters: what has a counterpart, what has none, and what is wrong."""

from typing import Any

import pytest

from services.edge.openai.chat_request import ChatPlan, translate_chat
from services.edge.openai.errors import BadRequestError

PRO, FLASH = "gemini-2.5-pro", "gemini-2.5-flash"
NEW_PRO, NEW_FLASH = "gemini-3-pro-preview", "gemini-3-flash-preview"


def plan_of(model: str = FLASH, **fields: Any) -> ChatPlan:
    return translate_chat(
        {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}
    )


def config_of(model: str = FLASH, **fields: Any) -> dict[str, Any]:
    config: dict[str, Any] = plan_of(model, **fields).gemini_body.get("generationConfig", {})
    return config


@pytest.mark.parametrize(
    ("fields", "config"),
    [
        ({}, {}),
        ({"temperature": None, "stop": None, "n": None, "tools": None, "stream": None}, {}),
        ({"temperature": 0}, {"temperature": 0}),
        ({"temperature": 0.7, "top_p": 0.95}, {"temperature": 0.7, "topP": 0.95}),
        ({"top_k": 40}, {"topK": 40}),
        ({"max_tokens": 5}, {"maxOutputTokens": 5}),
        ({"max_tokens": 5.0}, {"maxOutputTokens": 5}),
        ({"max_tokens": 7, "max_completion_tokens": 7}, {"maxOutputTokens": 7}),
        ({"stop": "x"}, {"stopSequences": ["x"]}),
        ({"stop": ["a", "", "b"]}, {"stopSequences": ["a", "b"]}),
        ({"stop": []}, {}),
        ({"seed": 7}, {"seed": 7}),
        ({"seed": 2**40 + 7}, {"seed": 7}),
        ({"n": 1}, {}),
        ({"n": 3}, {"candidateCount": 3}),
        ({"presence_penalty": 0.5, "frequency_penalty": 0}, {"presencePenalty": 0.5}),
        ({"logprobs": True}, {"responseLogprobs": True}),
        ({"logprobs": True, "top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"logprobs": False}, {}),
        ({"response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"responseMimeType": "application/json"}),
        ({"modalities": ["text"]}, {}),
        ({"modalities": ["text", "image"]}, {"responseModalities": ["TEXT", "IMAGE"]}),
        (
            {"modalities": ["audio"], "audio": {"voice": "Kore", "format": "pcm16"}},
            {
                "responseModalities": ["AUDIO"],
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
            },
        ),
    ],
)
def test_counterparts(fields: dict[str, Any], config: dict[str, Any]) -> None:
    plan = plan_of(**fields)

    assert plan.gemini_body.get("generationConfig", {}) == config
    assert plan.ignored == ()


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        (FLASH, "none", {"thinkingBudget": 0}),
        (FLASH, "minimal", {"thinkingBudget": 1024, "includeThoughts": True}),
        (FLASH, "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        (FLASH, "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
        (FLASH, "high", {"thinkingBudget": 24576, "includeThoughts": True}),
        (FLASH, "xhigh", {"thinkingBudget": 24576, "includeThoughts": True}),
        (PRO, "none", {"thinkingBudget": 128}),
        (PRO, "max", {"thinkingBudget": 32768, "includeThoughts": True}),
        (NEW_FLASH, "none", {"thinkingLevel": "MINIMAL"}),
        (NEW_FLASH, "medium", {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        (NEW_FLASH, "max", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (NEW_PRO, "none", {"thinkingLevel": "LOW"}),
        (NEW_PRO, "medium", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-flash-latest", "low", {"thinkingLevel": "LOW", "includeThoughts": True}),
    ],
)
def test_effort(model: str, effort: str, thinking: dict[str, Any]) -> None:
    assert config_of(model, reasoning_effort=effort) == {"thinkingConfig": thinking}


@pytest.mark.parametrize(
    "model", ["gemini-2.0-flash", "gemma-3-27b-it", "gemini-2.5-flash-image", "gemini-exp-1206"]
)
def test_models_without_effort_ignore_it(model: str) -> None:
    plan = plan_of(model, reasoning_effort="high")

    assert plan.ignored == ("reasoning_effort",)
    assert "generationConfig" not in plan.gemini_body


@pytest.mark.parametrize(
    "fields",
    [
        {"extra_body": {"google": {"thinking_config": {"thinking_budget": 9}}}},
        {"google": {"thinking_config": {"thinkingBudget": 9}}},
        {"google": {"thinkingConfig": {"thinking_budget": 9, "include_thoughts": None}}},
    ],
)
def test_google_may_be_spoken_in_either_place_and_spelling(fields: dict[str, Any]) -> None:
    assert config_of(**fields) == {"thinkingConfig": {"thinkingBudget": 9}}


def test_google_knows_more_fields_than_we_do() -> None:
    google = {"thinking_config": {"thinking_level": "low", "deep_mode": True}}

    assert config_of(NEW_FLASH, google=google)["thinkingConfig"] == {
        "thinkingLevel": "LOW",
        "deepMode": True,
    }


def test_thoughts_may_be_asked_for_beside_an_effort() -> None:
    google = {"thinking_config": {"include_thoughts": False}}

    assert config_of(reasoning_effort="low", google=google)["thinkingConfig"] == {
        "thinkingBudget": 1024,
        "includeThoughts": False,
    }


@pytest.mark.parametrize("tier", ["flex", "priority"])
def test_service_tiers(tier: str) -> None:
    assert plan_of(service_tier=tier).gemini_body["serviceTier"] == tier


def test_what_has_no_counterpart_is_reported_once_and_safe_for_a_header() -> None:
    plan = plan_of(
        NEW_FLASH,
        user="u",
        store=True,
        metadata={"a": "b"},
        logit_bias={"1": 2},
        presence_penalty=1,
        service_tier="scale",
        messages=[{"role": "user", "content": "a", "name": "ann"}] * 2,
        google={"dream": 1},
        extra_body={"top_a": 1},
        prediction=None,
        verbosity="medium",
        **{"evil\r\nx: y": 1, "héhé": 2},
    )

    assert plan.ignored == (
        "messages[].name",
        "extra_body.top_a",
        "google.dream",
        "presence_penalty",
        "service_tier",
        "user",
        "store",
        "metadata",
        "logit_bias",
        "(other)",
    )


@pytest.mark.parametrize("name", ["image_config", "imageConfig"])
def test_a_picture_may_be_described_in_googles_words(name: str) -> None:
    wanted = {"aspect_ratio": "16:9"}

    plan = plan_of(extra_body={"google": {name: wanted}}, modalities=["text", "image"])

    assert plan.gemini_body["generationConfig"]["imageConfig"] == wanted
    assert plan.ignored == ()


def test_safety_settings_are_the_clients_or_none() -> None:
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]

    assert "safetySettings" not in plan_of().gemini_body
    assert plan_of(google={"safety_settings": safety}).gemini_body["safetySettings"] == safety


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({"audio": {"voice": "Kore"}}, ("audio.voice",)),
        (
            {"modalities": ["audio"], "audio": {"voice": "alloy", "format": "mp3"}},
            ("audio.format", "audio.voice"),
        ),
    ],
)
def test_voices_that_gemini_lacks_are_ignored(
    fields: dict[str, Any], ignored: tuple[str, ...]
) -> None:
    plan = plan_of(**fields)

    assert plan.ignored == ignored
    assert "speechConfig" not in plan.gemini_body.get("generationConfig", {})


def test_a_stream_may_ask_for_usage() -> None:
    assert plan_of(stream=True, stream_options={"include_usage": True}).include_usage
    assert not plan_of(stream=True).include_usage
    assert not plan_of(stream_options={"include_usage": True}).include_usage


@pytest.mark.parametrize(
    ("model", "name"), [("models/gemini-2.5-flash", "gemini-2.5-flash"), ("gemma-3", "gemma-3")]
)
def test_models(model: str, name: str) -> None:
    assert plan_of(model).model == name


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": 3}, "model", "invalid_type"),
        ({"model": ""}, "model", "empty_string"),
        ({"model": "../files/x"}, "model", "invalid_value"),
        ({"model": "gemini:countTokens?key=x#"}, "model", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"temperature": True}, "temperature", "invalid_type"),
        ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
        ({"top_p": -0.1}, "top_p", "decimal_below_min_value"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
        ({"max_tokens": 2**40}, "max_tokens", "integer_above_max_value"),
        ({"stop": list("abcdef")}, "stop", "array_above_max_length"),
        ({"stop": [1]}, "stop[0]", "invalid_type"),
        ({"stop": 1}, "stop", "invalid_type"),
        ({"n": 0}, "n", "integer_below_min_value"),
        ({"n": 9}, "n", "integer_above_max_value"),
        ({"n": 2, "stream": True}, "n", "unsupported_value"),
        ({"n": 2, "model": NEW_FLASH}, "n", "unsupported_value"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream_options": []}, "stream_options", "invalid_type"),
        ({"seed": "x"}, "seed", "invalid_type"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
        ({"reasoning_effort": "huge"}, "reasoning_effort", "invalid_value"),
        ({"response_format": "json"}, "response_format", "invalid_type"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema",
            "missing_required_parameter",
        ),
        ({"modalities": ["smell"]}, "modalities[0]", "invalid_value"),
        ({"google": []}, "google", "invalid_type"),
        ({"google": {}, "extra_body": {"google": {}}}, "google", "invalid_value"),
        (
            {"reasoning_effort": "low", "google": {"thinking_config": {"thinking_budget": 1}}},
            "reasoning_effort",
            "invalid_value",
        ),
        (
            {"google": {"thinking_config": {"thinking_budget": 1, "thinking_level": "low"}}},
            "google.thinking_config",
            "invalid_value",
        ),
    ],
)
def test_wrong_parameters_are_refused_by_name(
    fields: dict[str, Any], param: str, code: str
) -> None:
    body = {"model": FLASH, "messages": [{"role": "user", "content": "hi"}]} | fields

    with pytest.raises(BadRequestError) as caught:
        translate_chat(body)

    assert (caught.value.param, caught.value.code) == (param, code)
