import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.openai.errors import AnswerError, BadRequestError
from services.edge.openai.transcript import TranscriptAnswer, tell_transcript
from services.edge.openai.transcription import translate_transcription


def told(form: str, text: str, tokens: int = 0) -> bytes:
    """Return an answer of a model as a client gets it."""
    plan = translate_transcription(
        {"model": ["whisper-1"], "response_format": [form]},
        default_model="m",
        is_translation=False,
    )
    answer = TranscriptAnswer()
    answer.read(
        {
            "candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
            "usageMetadata": {
                "promptTokenCount": tokens + 10,
                "totalTokenCount": tokens + 30,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 10},
                    {"modality": "AUDIO", "tokenCount": tokens},
                ],
            },
        }
    )
    return tell_transcript(plan, answer)


def segments(*rows: tuple[object, object, str]) -> str:
    listed = [{"start": start, "end": end, "text": text} for start, end, text in rows]
    return orjson.dumps({"language": "English", "segments": listed}).decode()


TWO = segments(("00:00:00.000", "00:00:02.500", "Hello."), ("00:00:02.500", "01:00:04", "Bye."))


def test_json_holds_the_text_and_the_count_of_tokens() -> None:
    assert orjson.loads(told("json", " Hello. \n", 64)) == {
        "text": "Hello.",
        "usage": {
            "type": "tokens",
            "input_tokens": 74,
            "input_token_details": {"text_tokens": 10, "audio_tokens": 64},
            "output_tokens": 20,
            "total_tokens": 94,
        },
    }


def test_text_is_the_text() -> None:
    assert told("text", "Hello.") == b"Hello.\n"


def test_srt() -> None:
    assert told("srt", TWO) == (
        b"1\n00:00:00,000 --> 00:00:02,500\nHello.\n\n2\n00:00:02,500 --> 01:00:04,000\nBye.\n\n"
    )


def test_vtt() -> None:
    assert told("vtt", TWO) == (
        b"WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nHello.\n\n"
        b"00:00:02.500 --> 01:00:04.000\nBye.\n\n"
    )


def test_words_cannot_end_their_cue() -> None:
    cue = told("vtt", segments(("0", "1", "a\n\nb --> c")))

    assert cue == b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na b -> c\n\n"


def test_verbose_json() -> None:
    answer = orjson.loads(told("verbose_json", TWO, 32 * 5000))

    assert (answer["task"], answer["language"]) == ("transcribe", "english")
    assert answer["text"] == "Hello. Bye."
    assert answer["duration"] == 5000
    assert answer["usage"] == {"type": "duration", "seconds": 5000}
    first, second = answer["segments"]
    assert (first["id"], first["start"], first["end"], first["text"]) == (0, 0, 2.5, "Hello.")
    assert (second["id"], second["seek"], second["end"]) == (1, 250, 3604)


def test_without_speech_there_is_nothing() -> None:
    silence = '{"language":"","segments":[]}'

    assert told("srt", silence) == b""
    assert told("vtt", silence) == b"WEBVTT\n\n"
    assert orjson.loads(told("verbose_json", silence))["segments"] == []
    assert orjson.loads(told("json", ""))["text"] == ""


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("01:02:03.500", 3723.5),
        ("00:01:02,250", 62.25),
        ("1:02", 62),
        ("62.5", 62.5),
        ("62.5s", 62.5),
        (62.5, 62.5),
        (7, 7),
        (" 0:07 ", 7),
        ("90:00", 5400),
    ],
)
def test_times_are_read_as_models_write_them(time: object, seconds: float) -> None:
    answer = orjson.loads(told("verbose_json", segments((time, time, "a"))))

    assert answer["segments"][0]["start"] == seconds


@given(st.lists(st.tuples(st.floats(-5, 9000), st.floats(-5, 9000)), max_size=20))
def test_times_never_go_back(times: list[tuple[float, float]]) -> None:
    rows = [(start, end, "a") for start, end in times]
    found = orjson.loads(told("verbose_json", segments(*rows)))["segments"]

    starts = [each["start"] for each in found]
    assert starts == sorted(starts)
    assert all(0 <= each["start"] <= each["end"] for each in found)


@pytest.mark.parametrize(
    "text",
    ["no JSON", "[]", '{"segments":[{"start":"soon","end":"1","text":"a"}]}', '{"segments":[1]}',
     '{"segments":[{"start":"1","end":"1"}]}', '{"segments":{"a":1}}'],
)  # fmt: skip
def test_segments_that_cannot_be_read_are_no_transcript(text: str) -> None:
    with pytest.raises(AnswerError):
        told("srt", text)


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, BadRequestError),
        ({"candidates": [{"finishReason": "SAFETY"}]}, BadRequestError),
        ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, AnswerError),
        ({"candidates": [{"finishReason": "OTHER"}]}, AnswerError),
        ({"candidates": [5]}, AnswerError),
    ],
)
def test_what_is_no_whole_transcript_is_none(
    reply: dict[str, object], failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        TranscriptAnswer().read(reply)


def test_thoughts_are_no_words() -> None:
    answer = TranscriptAnswer()
    parts = [{"text": "hm", "thought": True}, {"text": "Hello"}]

    assert answer.read({"candidates": [{"content": {"parts": parts}}]}) == "Hello"
    assert not answer.is_finished
    assert answer.read({"candidates": [{"finishReason": "STOP"}]}) == ""
    assert (answer.text, answer.is_finished) == ("Hello", True)
