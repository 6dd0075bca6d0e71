"""The order of turns: calls answered one for one, and signed where the model asks for it."""

import base64
import binascii
import hashlib
from typing import Any

from services.simulator.catalog import Model
from services.simulator.errors import corrupted_signature, invalid

SENTINEL = "skip_thought_signature_validator"
"""Accepted instead of a signature, for history that was not made by this model."""

_MAGIC = b"sim1"
_STAMP = 16


def check_turns(contents: list[dict[str, Any]], model: Model) -> None:
    """Refuse calls without answers, answers without calls, and unsigned calls.

    Raises:
        ApiError: With the words that Google uses.
    """
    contents = _join_model_turns(contents)
    for index, content in enumerate(contents):
        calls = count_parts(content, "functionCall")
        if calls and index + 1 < len(contents):
            _check_answered(calls, contents[index + 1])
        if count_parts(content, "functionResponse") and not (
            index and count_parts(contents[index - 1], "functionCall")
        ):
            raise invalid(
                "Please ensure that function response turn comes immediately after a function call "
                "turn."
            )
    if model.generation >= 3:
        _check_signed(contents)


def _join_model_turns(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join the model's contents that follow each other, as Google does; the user's stay apart."""
    joined: list[dict[str, Any]] = []
    for content in contents:
        if joined and content.get("role") == joined[-1].get("role") == "model":
            parts = [*joined[-1].get("parts", []), *content.get("parts", [])]
            joined[-1] = {"role": "model", "parts": parts}
        else:
            joined.append(content)
    return joined


def _check_answered(calls: int, answer: dict[str, Any]) -> None:
    if count_parts(answer, "functionResponse") != calls:
        raise invalid(
            "Please ensure that the number of function response parts is equal to the number of "
            "function call parts of the function call turn."
        )


def _check_signed(contents: list[dict[str, Any]]) -> None:
    """Look at the current turn only: from the last words of the user on."""
    start = 0
    for index, content in enumerate(contents):
        if content.get("role", "user") == "user" and not count_parts(content, "functionResponse"):
            start = index
    for position, content in enumerate(contents[start:], start + 1):
        calls = [part for part in content.get("parts", []) if "functionCall" in part]
        # Of parallel calls only the first is signed.
        if calls and not calls[0].get("thoughtSignature"):
            name = calls[0]["functionCall"].get("name", "")
            raise invalid(
                "Function call is missing a thought_signature in functionCall parts. This is "
                "required for tools to work correctly, and missing thought_signature may lead to "
                "degraded model performance. Additional data, function call "
                f"`default_api:{name}` , position {position}. Please refer to "
                "https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
            )


def count_parts(content: dict[str, Any], kind: str) -> int:
    """Return how many parts of a content are of a kind."""
    return sum(kind in part for part in content.get("parts", []))


def sign(project: str, seed: bytes) -> str:
    """Return a thought signature that the project's own later requests can be known by."""
    return base64.b64encode(_MAGIC + _stamp(project) + seed).decode()


def check_signatures(contents: list[dict[str, Any]], project: str) -> None:
    """Refuse signatures that this project was not given.

    Raises:
        ApiError: A signature was altered or comes from another project.
    """
    expected = _MAGIC + _stamp(project)
    for content in contents:
        for part in content.get("parts", []):
            signature = part.get("thoughtSignature")
            if signature and not _is_ours(signature, expected):
                raise corrupted_signature()


def _is_ours(signature: str, expected: bytes) -> bool:
    text = signature.replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return False
    # The sentinel comes as itself, or as the base64 of itself where clients send bytes.
    return signature == SENTINEL or raw == SENTINEL.encode() or raw.startswith(expected)


def _stamp(project: str) -> bytes:
    return hashlib.sha256(project.encode()).digest()[:_STAMP]
