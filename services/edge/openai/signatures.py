"""Thought signatures on their way through clients that do not know them.

Gemini 3 refuses a function call in the history without the signature it was made with.
Clients that know Google's `extra_content` send it back; all others send back the id of
the call, so the signature also travels inside the id, behind a marker.
"""

import re
from typing import Any

from services.edge.openai.fields import note_others, read_object, read_string

# Tells Gemini not to check: for calls of other models, or edited ones. In base64, as bytes are.
SKIP_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

_MARKER = "__sig__"
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]+={0,2}")
_TO_URL = str.maketrans("+/", "-_")
_FROM_URL = str.maketrans("-_", "+/")


def sign_call_id(call_id: str, signature: str | None) -> str:
    """Return an id that carries a signature, in the letters that ids are made of.

    A signature that would not come back letter for letter is left out.
    """
    if not signature or _MARKER in call_id:
        return call_id
    signed = call_id + _MARKER + signature.translate(_TO_URL).rstrip("=")
    return signed if split_call_id(signed) == (call_id, signature) else call_id


def split_call_id(call_id: str) -> tuple[str, str | None]:
    """Return the id proper, and the signature that it carries if it does."""
    base, marker, carried = call_id.partition(_MARKER)
    if not marker or not _BASE64.fullmatch(carried):
        return call_id, None
    return base, carried.translate(_FROM_URL) + "=" * (-len(carried) % 4)


def is_carrier_safe(call_id: str) -> bool:
    """Whether a signature can be added to an id and found again."""
    return _MARKER not in call_id


def read_google_content(holder: dict[str, Any], param: str) -> dict[str, Any]:
    """Return `extra_content.google` of a message or a call; empty when absent."""
    extra = holder.get("extra_content")
    if extra is None:
        return {}
    google = read_object(extra, f"{param}.extra_content").get("google")
    if google is None:
        return {}
    return read_object(google, f"{param}.extra_content.google")


def note_unread_google(
    holder: dict[str, Any], param: str, read: tuple[str, ...], ignored: list[str]
) -> None:
    """Note what is in `extra_content` of a message or a call besides what is read."""
    google = read_google_content(holder, param)
    note_others(google, read, f"{param}.extra_content.google", ignored)
    if holder.get("extra_content") is not None:
        extra = read_object(holder["extra_content"], f"{param}.extra_content")
        note_others(extra, ("google",), f"{param}.extra_content", ignored)


def read_signature(holder: dict[str, Any], param: str) -> str | None:
    """Return the signature in `extra_content` of a message or a call.

    What is no base64 cannot be a signature and counts as absent.
    """
    value = read_google_content(holder, param).get("thought_signature")
    if value is None:
        return None
    text = read_string(value, f"{param}.extra_content.google.thought_signature")
    return text if _BASE64.fullmatch(text) else None


def signature_content(signature: str) -> dict[str, Any]:
    """Return the `extra_content` that carries a signature."""
    return {"google": {"thought_signature": signature}}
