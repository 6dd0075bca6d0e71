"""Thought signatures that an upstream account does not accept.

A signature seems to be valid only for the account that made it. When a call is
refused for it, every signature is replaced by the value with which Google lets
a history pass that was not made by its models, and the call is sent once more.
"""

from typing import Any

import orjson

_FIELDS = ("thoughtSignature", "thought_signature")
_CALLS = ("functionCall", "function_call")

# base64 of "skip_thought_signature_validator", because the field holds bytes.
PASS = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="  # noqa: S105  # no secret


def repair_signatures(body: bytes) -> bytes | None:
    """Return a generate request in which no signature can be wrong.

    Signatures are replaced; the first call of each turn of the model that lacks
    one gets one. None when there was nothing to repair.
    """
    try:
        request = orjson.loads(body)
    except ValueError:
        return None
    contents = request.get("contents") if isinstance(request, dict) else None
    if not isinstance(contents, list):
        return None
    changed = False
    for content in contents:
        if isinstance(content, dict) and isinstance(content.get("parts"), list):
            changed |= _repair_turn(content)
    return orjson.dumps(request) if changed else None


def _repair_turn(content: dict[str, Any]) -> bool:
    changed, first_call = False, True
    for part in content["parts"]:
        if not isinstance(part, dict):
            continue
        is_call = any(name in part for name in _CALLS)
        signed = [name for name in _FIELDS if name in part]
        for name in signed:
            changed |= part[name] != PASS
            part[name] = PASS
        if is_call and first_call and not signed and content.get("role") == "model":
            part[_FIELDS[0]] = PASS
            changed = True
        first_call = first_call and not is_call
    return changed
