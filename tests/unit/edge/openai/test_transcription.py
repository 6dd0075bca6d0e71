import pytest

from services.edge.openai.errors import BadRequestError
from services.edge.openai.transcription import TranscriptionPlan, translate_transcription

SOUND = {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}


def plan(
    more: dict[str, object] | None = None, *, is_translation: bool = False, **fields: object
) -> TranscriptionPlan:
    form = {"model": "whisper-1", **fields, **(more or {})}
    return translate_transcription(
        {
            name: value if isinstance(value, list) else [str(value)]
            for name, value in form.items()
            if value is not None
        },
        default_model="gemini-hears",
        is_translation=is_translation,
    )


def words(translated: TranscriptionPlan) -> str:
    [content] = translated.gemini_body(SOUND)["contents"]
    assert content["parts"][0] == SOUND
    return str(content["parts"][1]["text"])


@pytest.mark.parametrize(
    ("model", "hears"),
    [
        ("whisper-1", "gemini-hears"),
        ("gpt-4o-transcribe", "gemini-hears"),
        ("gpt-4o-mini-transcribe-2025-12-15", "gemini-hears"),
        ("gpt-4o-transcribe-diarize", "gemini-hears"),
        ("gemini-2.5-pro", "gemini-2.5-pro"),
    ],
)
def test_openais_models_listen_through_the_one_that_is_set(model: str, hears: str) -> None:
    assert plan(model=model).model == hears


def test_a_plain_transcript_asks_for_words_alone() -> None:
    body = plan(temperature=0.2).gemini_body(SOUND)

    assert body["generationConfig"] == {"temperature": 0.2}
    assert "generationConfig" not in plan().gemini_body(SOUND)


@pytest.mark.parametrize("form", ["srt", "vtt", "verbose_json"])
def test_times_are_asked_for_by_a_schema(form: str) -> None:
    config = plan(response_format=form).gemini_body(SOUND)["generationConfig"]

    assert config["responseMimeType"] == "application/json"
    assert config["responseSchema"]["properties"]["segments"]["type"] == "ARRAY"


def test_language_and_prompt_are_told_the_model() -> None:
    told = words(plan(language="de", prompt="Grüße aus Köln"))

    assert "'de'" in told
    assert told.endswith("\n\nGrüße aus Köln")
    assert "language that is spoken" in words(plan())


def test_a_translation_is_english_and_has_no_language_to_choose() -> None:
    translated = plan(is_translation=True, language="de")

    assert "into English" in words(translated)
    assert "'de'" not in words(translated)
    assert translated.ignored == ("language",)


def test_what_has_no_counterpart_is_named() -> None:
    translated = plan({"include[]": "logprobs", "chunking_strategy": "auto"})

    assert set(translated.ignored) == {"include[]", "chunking_strategy"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": "a/b"}, "model"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": "nan"}, "temperature"),
        ({"temperature": "1.1"}, "temperature"),
        ({"language": "a language"}, "language"),
        ({"prompt": "a" * 32_769}, "prompt"),
        ({"stream": "perhaps"}, "stream"),
        ({"stream": "true", "response_format": "srt"}, "stream"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities"),
        ({"timestamp_granularities[]": ["segment", "word"]}, "timestamp_granularities"),
        ({"timestamp_granularities[]": "letter"}, "timestamp_granularities"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequestError) as refusal:
        plan(fields)

    assert refusal.value.param == param
