"""Speech: OpenAI's request as one of Gemini's, and the sound of its answer."""

import re
from dataclasses import dataclass
from typing import Any

from services.edge.openai.chat_request import read_model
from services.edge.openai.errors import AnswerError, BadRequestError, SpoiltAnswerError
from services.edge.openai.fields import (
    read_name,
    read_number,
    read_string,
    wrong_type,
    wrong_value,
)
from services.edge.openai.ignored import ignored_names
from services.edge.openai.reply import read_reply
from services.edge.openai.voices import gemini_voice

SOUND_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "pcm": "audio/pcm",
}
"""The media type of each format; the first one is what is told unless another is asked for."""

# As OpenAI has it. Gemini's longest answer, eleven minutes, holds about as much.
_LONGEST_INPUT = 4096
_LONGEST_INSTRUCTIONS = 4096
_SLOWEST, _FASTEST = 0.25, 4.0
_STREAMS = ("audio", "sse")
_FOREIGN_MODEL = re.compile(r"tts-1(?:-hd)?(?:-\d+)?|gpt-[a-z0-9.\-]+-tts(?:-[\d\-]+)?")
_VOICE = re.compile(r"[A-Za-z][A-Za-z0-9_\-]{0,63}")
_TRANSLATED = frozenset(
    {
        "model",
        "input",
        "voice",
        "response_format",
        "speed",
        "instructions",
        "stream_format",
    }
)
_SAMPLES = re.compile(r"audio/(?:l16|pcm)\b", re.IGNORECASE)
_RATE = re.compile(r"\brate=(\d{4,6})\b", re.IGNORECASE)
_USUAL_RATE = 24_000


@dataclass(frozen=True, slots=True)
class SpeechPlan:
    """A speech request, ready to be sent to Gemini.

    Attributes:
        model: Without `models/`; safe as a path segment.
        gemini_body: For `:generateContent`.
        form: One of `SOUND_TYPES`.
        speed: 0.25 to 4.
        stream: `audio` or `sse` when it is to be told while it comes; None otherwise.
        ignored: Parameters without counterpart, fit for a header.
    """

    model: str
    gemini_body: dict[str, Any]
    form: str
    speed: float
    stream: str | None
    ignored: tuple[str, ...]


def translate_speech(body: dict[str, Any], *, default_model: str, default_voice: str) -> SpeechPlan:
    """Return the plan for a speech request.

    Args:
        body: The client's.
        default_model: Speaks for OpenAI's models.
        default_voice: Speaks where the client names no voice.

    Raises:
        BadRequestError: Something has the wrong type or cannot be said to Gemini.
    """
    model = read_model(body)
    form = _one_of(body, "response_format", tuple(SOUND_TYPES)) or next(iter(SOUND_TYPES))
    speed = 1.0
    if body.get("speed") is not None:
        speed = float(read_number(body["speed"], "speed", _SLOWEST, _FASTEST))
    voice = _read_voice(body.get("voice")) or default_voice
    return SpeechPlan(
        model=default_model if _FOREIGN_MODEL.fullmatch(model) else model,
        gemini_body={
            "contents": [{"role": "user", "parts": [{"text": _read_words(body)}]}],
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}},
            },
        },
        form=form,
        speed=speed,
        stream=_one_of(body, "stream_format", _STREAMS),
        ignored=ignored_names(body, _TRANSLATED, []),
    )


class SpeechAnswer:
    """Reads the replies of one answer in their order.

    Attributes:
        rate: Samples a second, once there is sound.
        is_finished: Whether the answer has come to its end.
        metadata: Google's count of tokens, as far as it was told.
    """

    def __init__(self) -> None:
        self.rate = 0
        self.is_finished = False
        self.metadata: object = None

    @property
    def usage(self) -> dict[str, int]:
        """OpenAI's count of tokens."""
        metadata = self.metadata if isinstance(self.metadata, dict) else {}
        names = {
            "input_tokens": "promptTokenCount",
            "output_tokens": "candidatesTokenCount",
            "total_tokens": "totalTokenCount",
        }
        counts = {ours: metadata.get(googles) for ours, googles in names.items()}
        return {name: count if isinstance(count, int) else 0 for name, count in counts.items()}

    def read(self, reply: dict[str, Any]) -> list[str]:
        """Return the sound of a reply: base64 of mono samples of 16 bits, little endian.

        Raises:
            BadRequestError: The text is not spoken.
            AnswerError: The answer is no whole speech; `SpoiltAnswerError` where that is a whim.
        """
        if reply.get("usageMetadata") is not None:
            self.metadata = reply["usageMetadata"]
        parts, is_last = read_reply(reply, "input")
        found = [sound for part in parts if (sound := self._sound(part))]
        if is_last and not self.rate:
            raise SpoiltAnswerError("The model said nothing.")
        self.is_finished = is_last
        return found

    def _sound(self, part: dict[str, Any]) -> str:
        data = part.get("inlineData")
        if not isinstance(data, dict):
            return ""
        kind, sound = data.get("mimeType"), data.get("data")
        if not isinstance(kind, str) or not isinstance(sound, str) or not _SAMPLES.match(kind):
            raise AnswerError("The model's answer holds sound of an unknown kind.")
        told = _RATE.search(kind)
        self.rate = self.rate or (int(told[1]) if told else _USUAL_RATE)
        return sound


def _read_words(body: dict[str, Any]) -> str:
    text = read_string(body.get("input"), "input")
    if not text.strip():
        raise BadRequestError(
            "Invalid 'input': there is nothing to be said.", "input", "empty_string"
        )
    _check_length(text, "input", _LONGEST_INPUT)
    if body.get("instructions") is None:
        return text
    instructions = read_string(body["instructions"], "instructions")
    _check_length(instructions, "instructions", _LONGEST_INSTRUCTIONS)
    if not instructions.strip():
        return text
    # Models that speak take no system instruction: how to speak is a part of the prompt.
    return (
        "Read the transcript aloud as the notes say. Say nothing but the transcript.\n\n"
        f"## Notes\n{instructions.strip()}\n\n## Transcript\n{text}"
    )


def _read_voice(value: object) -> str:
    """Return Gemini's name of a voice, empty when none is asked for."""
    if value is None:
        return ""
    if isinstance(value, dict):
        raise BadRequestError(
            "Invalid 'voice': voices that were made at OpenAI cannot speak here. Send the name "
            "of a voice.",
            "voice",
            "invalid_value",
        )
    if not isinstance(value, str):
        raise wrong_type(value, "voice", "a string")
    name = read_name(value, "voice")
    if not _VOICE.fullmatch(name):
        raise BadRequestError(
            "Invalid 'voice': no voice can have this name.", "voice", "invalid_value"
        )
    return gemini_voice(name)


def _one_of(body: dict[str, Any], param: str, known: tuple[str, ...]) -> str | None:
    if body.get(param) is None:
        return None
    name = read_string(body[param], param)
    if name not in known:
        raise wrong_value(name, param, known)
    return name


def _check_length(text: str, param: str, longest: int) -> None:
    if len(text) > longest:
        raise BadRequestError(
            f"Invalid '{param}': string too long. Expected a string with maximum length "
            f"{longest}, but got a string with length {len(text)} instead.",
            param,
            "string_above_max_length",
        )
