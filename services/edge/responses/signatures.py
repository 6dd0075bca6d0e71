"""Gemini's thought signatures in the `encrypted_content` of reasoning items.

The signature of a call also travels in its `call_id`, which no client drops. That of a text
has no other place than this one.
"""

import re

_MARKS = {"gemini-next:": True, "gemini-last:": False}
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]+={0,2}")


def seal_signature(signature: str, *, is_of_next: bool) -> str:
    """Return the `encrypted_content` that carries a signature.

    Args:
        signature: Google's.
        is_of_next: Whether it is of the part that follows the reasoning; else of the last before.
    """
    mark = next(mark for mark, of_next in _MARKS.items() if of_next == is_of_next)
    return mark + signature


def read_signature(value: str) -> tuple[str, bool] | None:
    """Return what `seal_signature` was given; None for what other models have made."""
    for mark, is_of_next in _MARKS.items():
        carried = value.removeprefix(mark)
        if carried != value and _BASE64.fullmatch(carried):
            return carried, is_of_next
    return None
