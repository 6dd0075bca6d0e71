"""Gemini's thought signatures in the `signature` of Anthropic's thinking blocks.

The signature of a call also travels in the id of its tool_use, which no client drops. A
thinking block carries the signature of what follows it: of a text, for which there is no
other place, or of a call once more, for clients that make up ids of their own.
"""

import re

# Claude's own signatures are opaque as well: without a mark they would be sent to Google.
_MARK = "gemini-"
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]+={0,2}")


def sign_thinking(signature: str | None) -> str:
    """Return the `signature` of a thinking block; never empty, as clients drop unsigned ones."""
    return _MARK + (signature or "")


def is_ours(value: str) -> bool:
    """Whether the `signature` of a thinking block was given by `sign_thinking`."""
    return value.startswith(_MARK)


def read_thinking_signature(value: str) -> str | None:
    """Return the signature that a thinking block carries; None for none, or one of Claude's."""
    carried = value.removeprefix(_MARK) if is_ours(value) else ""
    return carried if _BASE64.fullmatch(carried) else None
