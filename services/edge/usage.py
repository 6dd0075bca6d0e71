"""Token counts as Gemini reports them, found without parsing whole answers."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

_MARK = b'"usageMetadata"'
_BRACE = re.compile(rb"[{}]")
_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one call.

    Attributes:
        input: Input tokens, cached ones included.
        output: Answer tokens, without thoughts.
        cached: Input tokens that came from a cache.
        thoughts: Tokens spent on thinking.
    """

    input: int
    output: int
    cached: int
    thoughts: int

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        """Return the tokens of both."""
        return TokenUsage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.thoughts + other.thoughts,
        )


def read_usage(metadata: Any) -> TokenUsage | None:
    """Read a `usageMetadata` object; None when it is none."""
    if not isinstance(metadata, dict):
        return None

    def count(name: str) -> int:
        value = metadata.get(name)
        return value if isinstance(value, int) and value > 0 else 0

    return TokenUsage(
        input=count("promptTokenCount") + count("toolUsePromptTokenCount"),
        # Live sessions count what they answer under a name of their own.
        output=count("candidatesTokenCount") or count("responseTokenCount"),
        cached=count("cachedContentTokenCount"),
        thoughts=count("thoughtsTokenCount"),
    )


def find_usage(body: bytes) -> TokenUsage | None:
    """Find the last `usageMetadata` in an answer without parsing the rest of it.

    Image answers hold megabytes before it. The object nests, but none of its
    texts holds a brace, so counting braces finds its end.
    """
    mark = body.rfind(_MARK)
    if mark < 0:
        return None
    start = body.find(b"{", mark)
    if start < 0:
        return None
    depth = 0
    for brace in _BRACE.finditer(body, start, start + _LONGEST):
        depth += 1 if brace[0] == b"{" else -1
        if not depth:
            try:
                return read_usage(orjson.loads(body[start : brace.end()]))
            except ValueError:
                return None
    return None
