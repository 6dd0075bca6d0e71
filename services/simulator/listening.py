"""What the simulated model hears: as many words as fit the sound, always the same ones."""

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass
from typing import Any

from services.simulator.schema_values import Schema, value_of

TOKENS_A_SECOND = 32
"""What a second of sound costs as input."""

_WANTED = re.compile(r"transcri|translat", re.IGNORECASE)
_WORDS = """
    river lantern copper morning quiet garden window paper silver bridge harbour winter
    orchard letter pebble market candle thunder meadow violin basket feather anchor honey
""".split()  # noqa: SIM905  # one word a line would bury them
_PHRASE_SECONDS = 4.0
_WORDS_A_PHRASE = 6
_MOST_PHRASES = 500
# Of compressed speech; and how long a file is taken to be whose bytes are elsewhere.
_BYTES_A_SECOND = 16_000
_FILE_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Phrase:
    """Some words, and from when to when they are said, in seconds."""

    start: float
    end: float
    text: str


def heard(request: dict[str, Any], prompt: str) -> list[Phrase]:
    """Return what is said in the sound of the last turn, if that is what the prompt asks for."""
    if not _WANTED.search(prompt):
        return []
    for part in request["contents"][-1].get("parts", []):
        for name in ("inlineData", "fileData"):
            if name in part and is_sound(part[name]):
                return _phrases(part[name])
    return []


def is_sound(blob: dict[str, Any]) -> bool:
    """Whether inline data, or a cited file, is heard."""
    return str(blob.get("mimeType", "")).startswith("audio/")


def seconds_of(blob: dict[str, Any]) -> float:
    """Return how long a sound lasts: exactly for WAV, else guessed."""
    try:
        data = base64.b64decode(blob.get("data", ""))
    except binascii.Error:
        data = b""
    if not data:
        return _FILE_SECONDS
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE" and len(data) >= 44:
        rate: int = struct.unpack_from("<I", data, 28)[0]
        return (len(data) - 44) / max(rate, 1)
    return len(data) / _BYTES_A_SECOND


def said(phrases: list[Phrase]) -> str:
    """Return the words alone."""
    return " ".join(phrase.text for phrase in phrases)


def fill(schema: Schema, phrases: list[Phrase]) -> Any:
    """Return a value of a schema that holds the phrases, where it has a list of such."""
    value = value_of(schema)
    if not isinstance(value, dict):
        return value
    for name, inner in schema.get("properties", {}).items():
        kind = inner.get("items", {})
        if "text" in kind.get("properties", {}):
            value[name] = [_filled(kind, phrase) for phrase in phrases]
        elif name in {"text", "transcript"}:
            value[name] = said(phrases)
        elif name == "language":
            value[name] = "English"
    return value


def _filled(schema: Schema, phrase: Phrase) -> Any:
    value = value_of(schema)
    for name, seconds in (("start", phrase.start), ("end", phrase.end)):
        if name in value:
            value[name] = _clock(seconds) if isinstance(value[name], str) else seconds
    return value | {"text": phrase.text}


def _phrases(blob: dict[str, Any]) -> list[Phrase]:
    seconds = seconds_of(blob)
    seed = hashlib.sha256(str(blob.get("data") or blob.get("fileUri")).encode()).digest()
    count = min(max(1, round(seconds / _PHRASE_SECONDS)), _MOST_PHRASES)
    phrases = []
    for number in range(count):
        at = [seed[(number * _WORDS_A_PHRASE + n) % len(seed)] for n in range(_WORDS_A_PHRASE)]
        words = " ".join(_WORDS[byte % len(_WORDS)] for byte in at)
        start, end = seconds * number / count, seconds * (number + 1) / count
        phrases.append(Phrase(start, end, f"{words.capitalize()}."))
    return phrases


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02}:{rest:06.3f}"
