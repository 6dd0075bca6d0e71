import base64
from typing import Any

import orjson
import pytest

from services.simulator.answers import compose
from services.simulator.catalog import MODELS
from services.simulator.tokens import count_request
from tests.support.sound import wav

LISTENER = MODELS["gemini-2.5-flash"]
SCHEMA = {
    "type": "OBJECT",
    "properties": {
        "language": {"type": "STRING"},
        "segments": {
            "type": "ARRAY",
            "items": {
                "type": "OBJECT",
                "properties": {
                    "start": {"type": "STRING"},
                    "end": {"type": "STRING"},
                    "text": {"type": "STRING"},
                },
            },
        },
    },
}


def asked(seconds: float, prompt: str = "Transcribe this.", **config: Any) -> dict[str, Any]:
    data = base64.b64encode(wav(seconds)).decode()
    parts = [{"inlineData": {"mimeType": "audio/wav", "data": data}}, {"text": prompt}]
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}


def words(request: dict[str, Any]) -> str:
    return str(compose(request, LISTENER, "p").parts[-1]["text"])


def test_longer_sounds_hold_more_words_and_the_same_sound_the_same_ones() -> None:
    assert words(asked(4)) == words(asked(4))
    assert len(words(asked(40))) > 5 * len(words(asked(4)))


def test_only_a_prompt_that_asks_for_words_gets_them() -> None:
    assert "heard: Describe this." in words(asked(4, "Describe this."))


def test_a_schema_is_filled_with_phrases_and_their_times() -> None:
    request = asked(8, responseMimeType="application/json", responseSchema=SCHEMA)

    told = orjson.loads(words(request))
    assert told["language"] == "English"
    first, second = told["segments"]
    assert (first["start"], first["end"]) == ("00:00.000", "00:04.000")
    assert second["end"] == "00:08.000"
    assert " ".join(each["text"] for each in told["segments"]) == words(asked(8))


def test_sound_costs_by_the_second() -> None:
    assert count_request(asked(10))["AUDIO"] == pytest.approx(320, abs=1)
