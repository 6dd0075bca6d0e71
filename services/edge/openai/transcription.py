"""Transcripts and translations: OpenAI's form as one of Gemini's requests."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.edge.openai.chat_request import read_model
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import read_number, wrong_value
from services.edge.openai.ignored import ignored_names

FORMS = ("json", "text", "srt", "verbose_json", "vtt")
"""How a transcript may be told."""

_TIMED = frozenset({"srt", "verbose_json", "vtt"})
_FOREIGN_MODEL = re.compile(r"whisper-1|gpt-[a-z0-9.\-]+-transcribe(?:-[a-z\d\-]+)?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,20}(?:-[A-Za-z0-9]{2,8}){0,2}")
_LONGEST_PROMPT = 32_768
_TRANSLATED = frozenset(
    {
        "file",
        "language",
        "model",
        "prompt",
        "response_format",
        "stream",
        "temperature",
        "timestamp_granularities",
        "timestamp_granularities[]",
    }
)
_SEGMENTS = {
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
                "required": ["start", "end", "text"],
                "propertyOrdering": ["start", "end", "text"],
            },
        },
    },
    "required": ["language", "segments"],
    "propertyOrdering": ["language", "segments"],
}

Fields = Mapping[str, Sequence[str]]
"""The values of each field of a form."""


@dataclass(frozen=True, slots=True)
class TranscriptionPlan:
    """A request for a transcript, ready to be sent to Gemini once there is the sound.

    Attributes:
        model: Without `models/`; safe as a path segment.
        form: One of `FORMS`.
        is_translation: Whether the transcript is to be in English, whatever is spoken.
        stream: Whether it is to be told while it comes.
        temperature: As asked for.
        ignored: Parameters without counterpart, fit for a header.
        words: What is asked of the model.
    """

    model: str
    form: str
    is_translation: bool
    stream: bool
    temperature: float | None
    ignored: tuple[str, ...]
    words: str

    @property
    def is_timed(self) -> bool:
        """Whether the times of segments are needed."""
        return self.form in _TIMED

    def gemini_body(self, sound: dict[str, Any]) -> dict[str, Any]:
        """Return the body for `:generateContent`.

        Args:
            sound: The part that holds or cites the sound.
        """
        config: dict[str, Any] = {}
        if self.temperature is not None:
            config["temperature"] = self.temperature
        if self.is_timed:
            config |= {"responseMimeType": "application/json", "responseSchema": _SEGMENTS}
        body: dict[str, Any] = {
            "contents": [{"role": "user", "parts": [sound, {"text": self.words}]}]
        }
        return body | ({"generationConfig": config} if config else {})


def translate_transcription(
    fields: Fields, *, default_model: str, is_translation: bool
) -> TranscriptionPlan:
    """Return the plan for a form.

    Args:
        fields: The client's, without the file.
        default_model: Listens for OpenAI's models.
        is_translation: Whether the transcript is to be in English.

    Raises:
        BadRequestError: Something cannot be meant, or cannot be said to Gemini.
    """
    form = _value(fields, "response_format") or FORMS[0]
    if form not in FORMS:
        raise wrong_value(form, "response_format", FORMS)
    stream = _read_flag(fields, "stream")
    if stream and form in _TIMED:
        raise BadRequestError(
            f"Invalid 'stream': a transcript as {form} cannot be streamed, because its times "
            "are known at its end. Ask for json or text.",
            "stream",
            "invalid_value",
        )
    _check_granularities(fields)
    model = read_model({"model": _value(fields, "model")})
    body = {name: values[-1] for name, values in fields.items()}
    return TranscriptionPlan(
        model=default_model if _FOREIGN_MODEL.fullmatch(model) else model,
        form=form,
        is_translation=is_translation,
        stream=stream,
        temperature=_read_temperature(fields),
        ignored=ignored_names(
            body, _TRANSLATED, ["language"] if is_translation and "language" in fields else []
        ),
        words=_words(fields, is_translation=is_translation, is_timed=form in _TIMED),
    )


def _words(fields: Fields, *, is_translation: bool, is_timed: bool) -> str:
    """Return what is asked of the model."""
    if is_translation:
        what, asked = "translation", "Translate the speech in this audio into English."
    else:
        what, asked = "transcript", "Transcribe the speech in this audio word for word."
    lines = [asked]
    language = _value(fields, "language")
    if language and not _LANGUAGE.fullmatch(language):
        raise BadRequestError(
            "Invalid 'language': expected a code such as 'en'.", "language", "invalid_value"
        )
    if not is_translation:
        lines.append(
            f"The language is '{language}' (ISO 639-1)."
            if language
            else "Write in the language that is spoken."
        )
    if is_timed:
        lines.append(
            f"Divide the {what} into segments of one sentence, in their order, none longer than "
            "ten seconds. Say from when to when each is spoken, from the beginning of the audio, "
            "as HH:MM:SS.mmm. As the language, name the one that is spoken in English and in "
            "lower case, such as 'english'. If nothing is said, there are no segments."
        )
    else:
        lines.append(
            f"Answer with the {what} alone: no times, no names of speakers, no remarks. If "
            "nothing is said, answer with nothing."
        )
    prompt = _value(fields, "prompt") or ""
    if len(prompt) > _LONGEST_PROMPT:
        raise BadRequestError(
            f"Invalid 'prompt': string too long. Expected a string with maximum length "
            f"{_LONGEST_PROMPT}, but got a string with length {len(prompt)} instead.",
            "prompt",
            "string_above_max_length",
        )
    if prompt.strip():
        lines.append(
            "What follows was said before, or shows spelling and style. It is no part of the "
            f"{what}.\n\n{prompt.strip()}"
        )
    return "\n".join(lines)


def _value(fields: Fields, name: str) -> str | None:
    values = fields.get(name)
    return values[-1] if values else None


def _read_flag(fields: Fields, name: str) -> bool:
    text = _value(fields, name) or "false"
    if text.lower() not in {"true", "false"}:
        raise wrong_value(text, name, ("true", "false"))
    return text.lower() == "true"


def _read_temperature(fields: Fields) -> float | None:
    text = _value(fields, "temperature")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise BadRequestError(
            "Invalid type for 'temperature': expected a number.", "temperature", "invalid_type"
        )
    return float(read_number(number, "temperature", 0, 1))


def _check_granularities(fields: Fields) -> None:
    for name in ("timestamp_granularities", "timestamp_granularities[]"):
        for value in fields.get(name, ()):
            if value == "word":
                raise BadRequestError(
                    "Invalid 'timestamp_granularities': Gemini does not tell when single words "
                    "are spoken. Ask for 'segment'.",
                    "timestamp_granularities",
                    "invalid_value",
                )
            if value != "segment":
                raise wrong_value(value, "timestamp_granularities", ("segment",))
