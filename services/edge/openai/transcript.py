"""What Gemini heard: its answer as a transcript in OpenAI's forms."""

import math
import re
import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from services.edge.openai.errors import AnswerError
from services.edge.openai.reply import read_reply
from services.edge.openai.transcription import TranscriptionPlan

# What Google counts for a second of sound.
_TOKENS_A_SECOND = 32
_CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,4}):)?(\d{1,6}(?:[.,]\d{1,6})?)s?")


@dataclass(frozen=True, slots=True)
class Segment:
    """Some words, and from when to when they are said, in seconds."""

    start: float
    end: float
    text: str


class TranscriptAnswer:
    """Reads the replies of one answer in their order.

    Attributes:
        text: What came so far.
        is_finished: Whether the answer has come to its end.
        metadata: Google's count of tokens, as far as it was told.
    """

    def __init__(self) -> None:
        self.text = ""
        self.is_finished = False
        self.metadata: object = None

    def read(self, reply: dict[str, Any]) -> str:
        """Return the words of a reply.

        Raises:
            BadRequestError: The sound is not transcribed.
            AnswerError: The answer is no whole transcript.
        """
        if reply.get("usageMetadata") is not None:
            self.metadata = reply["usageMetadata"]
        parts, self.is_finished = read_reply(reply, "file")
        words = "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
        self.text += words
        return words

    def usage(self) -> dict[str, Any]:
        """Return OpenAI's count of tokens."""
        sound = self._sound_tokens()
        total, given = self._count("totalTokenCount"), self._count("promptTokenCount")
        return {
            "type": "tokens",
            "input_tokens": given,
            "input_token_details": {"text_tokens": given - sound, "audio_tokens": sound},
            "output_tokens": total - given,
            "total_tokens": total,
        }

    def seconds(self) -> float:
        """Return how long the sound lasts, by what Google counted; 0 when it did not."""
        return self._sound_tokens() / _TOKENS_A_SECOND

    def _count(self, name: str) -> int:
        count = self.metadata.get(name) if isinstance(self.metadata, dict) else None
        return count if isinstance(count, int) else 0

    def _sound_tokens(self) -> int:
        rows = self.metadata.get("promptTokensDetails") if isinstance(self.metadata, dict) else None
        return sum(
            row["tokenCount"]
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, dict)
            and row.get("modality") == "AUDIO"
            and isinstance(row.get("tokenCount"), int)
        )


def tell_transcript(plan: TranscriptionPlan, answer: TranscriptAnswer) -> bytes:
    """Return a whole answer in the form that was asked for.

    Raises:
        AnswerError: It holds no segments where their times were asked for.
    """
    if plan.form == "json":
        return orjson.dumps({"text": answer.text.strip(), "usage": answer.usage()})
    if plan.form == "text":
        return f"{answer.text.strip()}\n".encode()
    language, segments = _read_segments(answer.text)
    match plan.form:
        case "srt":
            cues = [f"{number}\n{_cue(each, ',')}" for number, each in enumerate(segments, 1)]
            return "".join(cues).encode()
        case "vtt":
            cues = [_cue(each, ".") for each in segments]
            return "".join(["WEBVTT\n\n", *cues]).encode()
    return orjson.dumps(_verbose(plan, answer, language, segments))


def _verbose(
    plan: TranscriptionPlan, answer: TranscriptAnswer, language: str, segments: list[Segment]
) -> dict[str, Any]:
    seconds = max(answer.seconds(), segments[-1].end if segments else 0.0)
    return {
        "task": "translate" if plan.is_translation else "transcribe",
        "language": language,
        "duration": round(seconds, 3),
        "text": " ".join(each.text for each in segments),
        "segments": [
            {
                "id": number,
                "seek": int(each.start * 100),
                "start": each.start,
                "end": each.end,
                "text": each.text,
                # Gemini tells neither: clients that drop doubtful segments must keep these.
                "tokens": [],
                "temperature": plan.temperature or 0.0,
                "avg_logprob": 0.0,
                "compression_ratio": _compression(each.text),
                "no_speech_prob": 0.0,
            }
            for number, each in enumerate(segments)
        ],
        "usage": {"type": "duration", "seconds": math.ceil(seconds)},
    }


def _read_segments(text: str) -> tuple[str, list[Segment]]:
    try:
        told = orjson.loads(text or "{}")
        language = str(told.get("language") or "").lower()
        rows = told.get("segments") or []
        found = [
            Segment(_seconds(row["start"]), _seconds(row["end"]), str(row["text"]).strip())
            for row in rows
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AnswerError("The model's segments cannot be read.") from None
    return language, _in_order(found)


def _in_order(segments: list[Segment]) -> list[Segment]:
    """Return segments whose times never go back: a model's are good, not perfect."""
    tidy: list[Segment] = []
    at = 0.0
    for each in segments:
        start = max(at, each.start)
        tidy.append(Segment(start, max(start, each.end), each.text))
        at = start
    return tidy


def _seconds(value: object) -> float:
    """Return a time in seconds; models write `1:02.5`, `00:01:02,500` and `62.5` alike."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return max(0.0, float(value))
    found = _CLOCK.fullmatch(str(value).strip())
    if found is None:
        raise ValueError("no time")
    hours, minutes, seconds = found.groups()
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60
    return round(whole + float(seconds.replace(",", ".")), 3)


def _clock(seconds: float, point: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}{point}{thousandths:03}"


def _cue(segment: Segment, point: str) -> str:
    # An empty line or an arrow among the words would end them.
    words = " ".join(segment.text.split()).replace("-->", "->")
    return f"{_clock(segment.start, point)} --> {_clock(segment.end, point)}\n{words}\n\n"


def _compression(text: str) -> float:
    data = text.encode()
    return round(len(data) / len(zlib.compress(data)), 3) if data else 0.0
