"""Files as OpenAI describes them."""

import re
from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import missing, wrong_value

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
"""What files may be for."""

MOST_FILES = 10_000
"""The most files of one page."""

# What files are told to be for that came through Gemini's dialect.
_USUAL_PURPOSE = "user_data"
_PREFIX = "file-"
_ID = re.compile(rf"{_PREFIX}(?P<id>[a-z0-9](?:[a-z0-9\-]{{0,126}}[a-z0-9])?)")
_STATUS = {"active": "processed", "failed": "error"}


def file_id_of(name: str) -> str:
    """Return OpenAI's id of a file, `file-x` for Gemini's `files/x`."""
    return _PREFIX + name.removeprefix("files/")


def file_name_of(file_id: str) -> str | None:
    """Return Gemini's name of a file, None for what is no id of one."""
    found = _ID.fullmatch(file_id)
    return f"files/{found['id']}" if found else None


def read_purpose(value: str | None) -> str:
    """Return what a file is to be for.

    Raises:
        BadRequestError: Nothing that is known.
    """
    if value is None:
        raise missing("purpose")
    if value not in PURPOSES:
        raise wrong_value(value, "purpose", PURPOSES)
    return value


def read_query(order: str, limit: str) -> tuple[bool, int]:
    """Return whether the oldest files come first, and how many are wanted at most.

    Raises:
        BadRequestError: One of them cannot be meant.
    """
    if order not in {"", "asc", "desc"}:
        raise wrong_value(order, "order", ("asc", "desc"))
    if not limit:
        return order == "asc", MOST_FILES
    if not re.fullmatch(r"[0-9]{1,9}", limit) or not 1 <= int(limit) <= MOST_FILES:
        raise BadRequestError(
            f"Invalid 'limit': expected a number from 1 to {MOST_FILES}.", "limit", "invalid_value"
        )
    return order == "asc", int(limit)


def describe_file(
    *,
    name: str,
    file_name: str,
    size: int,
    created: int,
    expires: int,
    purpose: str,
    state: str,
) -> dict[str, Any]:
    """Return OpenAI's description of a file.

    Args:
        name: Gemini's.
        file_name: At its client's; may be empty.
        size: In bytes.
        created: Unix time in seconds.
        expires: The same.
        purpose: As its client has told; may be empty.
        state: `active`, `failed` or `processing`.
    """
    file_id = file_id_of(name)
    return {
        "id": file_id,
        "object": "file",
        "bytes": size,
        "created_at": created,
        "expires_at": expires,
        "filename": file_name or file_id,
        "purpose": told_purpose(purpose),
        "status": _STATUS.get(state, "uploaded"),
        "status_details": None,
    }


def told_purpose(purpose: str) -> str:
    """Return what a file is told to be for."""
    return purpose or _USUAL_PURPOSE
