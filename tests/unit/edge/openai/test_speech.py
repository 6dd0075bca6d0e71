import pytest

from services.edge.openai.errors import AnswerError, BadRequestError
from services.edge.openai.speech import SpeechAnswer, SpeechPlan, translate_speech

BODY = {"model": "tts-1", "input": "Good morning.", "voice": "alloy"}


def plan(**fields: object) -> SpeechPlan:
    return translate_speech(
        {**BODY, **fields}, default_model="gemini-speaks", default_voice="Zephyr"
    )


def voice_of(translated: SpeechPlan) -> object:
    speech = translated.gemini_body["generationConfig"]["speechConfig"]
    return speech["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"]


@pytest.mark.parametrize(
    ("model", "speaks"),
    [
        ("tts-1", "gemini-speaks"),
        ("tts-1-hd", "gemini-speaks"),
        ("tts-1-1106", "gemini-speaks"),
        ("gpt-4o-mini-tts", "gemini-speaks"),
        ("gpt-4o-mini-tts-2025-12-15", "gemini-speaks"),
        ("gemini-2.5-pro-preview-tts", "gemini-2.5-pro-preview-tts"),
        ("models/gemini-2.5-pro-preview-tts", "gemini-2.5-pro-preview-tts"),
    ],
)
def test_openais_models_speak_through_the_one_that_is_set(model: str, speaks: str) -> None:
    assert plan(model=model).model == speaks


@pytest.mark.parametrize(
    ("voice", "speaks"),
    [("alloy", "Kore"), ("Nova", "Zephyr"), ("Puck", "Puck"), ("puck", "puck"), (None, "Zephyr")],
)
def test_voices_are_mapped_passed_on_or_the_one_that_is_set(voice: str | None, speaks: str) -> None:
    assert voice_of(plan(voice=voice)) == speaks


def test_instructions_become_a_part_of_the_prompt() -> None:
    [content] = plan(instructions="Whisper.").gemini_body["contents"]

    text = content["parts"][0]["text"]
    assert "Whisper." in text
    assert text.endswith("\nGood morning.")


def test_without_instructions_the_prompt_is_the_text_alone() -> None:
    for nothing in (None, "", "  "):
        [content] = plan(instructions=nothing).gemini_body["contents"]
        assert content["parts"] == [{"text": "Good morning."}]


def test_wav_is_told_unless_another_format_is_asked_for() -> None:
    assert plan().form == "wav"
    assert plan(response_format="opus").form == "opus"


def test_what_has_no_counterpart_is_named() -> None:
    assert plan(user="ada", speed=2).ignored == ("user",)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": " \n"}, "input"),
        ({"input": None}, "input"),
        ({"input": ["a"]}, "input"),
        ({"input": "a" * 4097}, "input"),
        ({"instructions": "a" * 4097}, "instructions"),
        ({"instructions": 1}, "instructions"),
        ({"model": None}, "model"),
        ({"model": "a/b"}, "model"),
        ({"voice": ""}, "voice"),
        ({"voice": {"id": "voice_1"}}, "voice"),
        ({"voice": 1}, "voice"),
        ({"voice": "no such voice"}, "voice"),
        ({"speed": 0.2}, "speed"),
        ({"speed": 4.1}, "speed"),
        ({"speed": "1"}, "speed"),
        ({"response_format": "ogg"}, "response_format"),
        ({"stream_format": "json"}, "stream_format"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequestError) as refusal:
        plan(**fields)

    assert refusal.value.param == param


def sound(mime_type: str = "audio/L16;codec=pcm;rate=24000", data: str = "AAAA") -> object:
    return {"inlineData": {"mimeType": mime_type, "data": data}}


def reply(*parts: object, reason: str | None = None) -> dict[str, object]:
    candidate: dict[str, object] = {"content": {"parts": list(parts), "role": "model"}}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate]}


class TestSpeechAnswer:
    @pytest.mark.parametrize(
        ("mime_type", "rate"),
        [
            ("audio/L16;codec=pcm;rate=24000", 24000),
            ("audio/L16; rate=16000; channels=1", 16000),
            ("audio/pcm;rate=48000", 48000),
            ("audio/pcm", 24000),
        ],
    )
    def test_the_media_type_tells_the_rate(self, mime_type: str, rate: int) -> None:
        answer = SpeechAnswer()

        assert answer.read(reply(sound(mime_type), reason="STOP")) == ["AAAA"]
        assert (answer.rate, answer.is_finished) == (rate, True)

    def test_sound_may_come_in_several_replies_with_text_beside_it(self) -> None:
        answer = SpeechAnswer()

        assert answer.read(reply(sound(), {"text": "hm"}, sound(data="BBBB"))) == ["AAAA", "BBBB"]
        assert not answer.is_finished
        assert answer.read(reply({"text": ""}, reason="STOP")) == []
        assert answer.is_finished

    def test_usage_is_openais(self) -> None:
        answer = SpeechAnswer()
        answer.read(
            reply(sound(), reason="STOP")
            | {
                "usageMetadata": {
                    "promptTokenCount": 4,
                    "candidatesTokenCount": 30,
                    "totalTokenCount": 34,
                }
            }
        )

        assert answer.usage == {"input_tokens": 4, "output_tokens": 30, "total_tokens": 34}

    @pytest.mark.parametrize(
        "blocked",
        [
            {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
            reply(reason="SAFETY"),
            reply(sound(), reason="RECITATION"),
        ],
    )
    def test_a_text_that_is_not_spoken_is_the_clients_fault(
        self, blocked: dict[str, object]
    ) -> None:
        with pytest.raises(BadRequestError) as refusal:
            SpeechAnswer().read(blocked)

        assert refusal.value.code == "content_policy_violation"

    @pytest.mark.parametrize(
        "broken",
        [
            reply(sound(), reason="MAX_TOKENS"),
            reply(reason="STOP"),
            reply({"text": "I will not."}, reason="STOP"),
            reply(sound(), reason="OTHER"),
            reply(sound("audio/wav"), reason="STOP"),
            {"candidates": ["?"]},
        ],
    )
    def test_an_answer_that_is_no_whole_speech_is_none(self, broken: dict[str, object]) -> None:
        with pytest.raises(AnswerError):
            SpeechAnswer().read(broken)
