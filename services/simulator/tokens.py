"""Counts tokens: a token is four bytes of text; sound costs by the second, other media a price."""

from collections import Counter
from typing import Any

import orjson

from services.simulator.listening import TOKENS_A_SECOND, is_sound, seconds_of

_MEDIA_TOKENS = 258
_MODALITIES = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO"}

Tally = Counter[str]
"""Tokens by modality, such as `TEXT`."""


def count_text(text: str) -> int:
    """Return the tokens of a text."""
    return (len(text.encode()) + 3) // 4


def cut_text(text: str, tokens: int) -> str:
    """Return the longest beginning of a text that costs at most `tokens`."""
    return text.encode()[: tokens * 4].decode(errors="ignore")


def count_content(content: dict[str, Any]) -> Tally:
    """Return the tokens of one turn."""
    tally: Tally = Counter()
    for part in content.get("parts", []):
        for name, value in part.items():
            match name:
                case "text":
                    tally["TEXT"] += count_text(value)
                case "inlineData" | "fileData" if is_sound(value):
                    tally["AUDIO"] += max(1, round(seconds_of(value) * TOKENS_A_SECOND))
                case "inlineData" | "fileData":
                    tally[_modality(value.get("mimeType", ""))] += _MEDIA_TOKENS
                case "functionCall" | "functionResponse":
                    tally["TEXT"] += (len(orjson.dumps(value)) + 3) // 4
    return tally


def count_request(request: dict[str, Any]) -> Tally:
    """Return the input tokens of a generate request, without what it takes from a cache."""
    tally: Tally = Counter()
    for content in request.get("contents", []):
        tally += count_content(content)
    if system := request.get("systemInstruction"):
        tally += count_content(system)
    if tools := request.get("tools"):
        tally["TEXT"] += (len(orjson.dumps(tools)) + 3) // 4
    return tally


def details(tally: Tally) -> list[dict[str, Any]]:
    """Return a tally as the API writes it."""
    return [
        {"modality": modality, "tokenCount": count} for modality, count in tally.items() if count
    ]


def _modality(mime_type: str) -> str:
    return _MODALITIES.get(mime_type.partition("/")[0], "DOCUMENT")
