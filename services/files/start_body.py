"""The body of a start request: what it says, and the same body as Google is to get it."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from services.kit.errors import InvalidRequestError

LONGEST_BODY = 256 * 1024

_FILE_NAME = re.compile(r"files/[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_MIME_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+(?:\s*;[\x20-\x7e]*)?")
_FIELD = "start_body"


@dataclass(frozen=True, slots=True)
class StartBody:
    """What the body of a start request says; empty where it says nothing.

    Attributes:
        name: The chosen name, `files/<id>`.
        display_name: The name for people.
        mime_type: The media type.
        size: The size in bytes.
    """

    name: str = ""
    display_name: str = ""
    mime_type: str = ""
    size: int | None = None


def read_start_body(body: bytes) -> StartBody:
    """Return what a body says.

    Raises:
        InvalidRequestError: It is no JSON object, or a field of it cannot be meant.
    """
    file = _file_of(_object_of(body))
    name = _text(file, "name", "name")
    if name and not _FILE_NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{_FIELD}.file.name",
            "must be files/ and 1 to 40 lowercase letters, digits and dashes, "
            "not beginning or ending with a dash",
        )
    mime_type = _text(file, "mimeType", "mime_type")
    if mime_type:
        check_mime_type(mime_type, f"{_FIELD}.file.mime_type")
    return StartBody(
        name=name,
        display_name=_text(file, "displayName", "display_name"),
        mime_type=mime_type,
        size=_size(file),
    )


def check_mime_type(text: str, field: str) -> None:
    """Refuse what is no media type.

    Raises:
        InvalidRequestError: So it is.
    """
    if len(text) > 255 or not _MIME_TYPE.fullmatch(text):
        raise InvalidRequestError(field, "must be a media type such as image/png")


def as_understood(body: bytes, mime_type: str) -> bytes:
    """Return the body of a files start as it was read here, never as it came.

    JSON with a field twice says one thing here and may say another at Google, so that a name
    could be chosen which nobody has checked.

    Args:
        body: As it came.
        mime_type: The media type where the body names none, empty for none.
    """
    message = _object_of(body)
    file = _file_of(message)
    if mime_type and not _text(file, "mimeType", "mime_type"):
        message = {**message, "file": {**file, "mimeType": mime_type}}
    return orjson.dumps(message) if message else body


def _object_of(body: bytes) -> dict[str, Any]:
    if len(body) > LONGEST_BODY:
        raise InvalidRequestError(_FIELD, f"must have at most {LONGEST_BODY} bytes")
    if not body.strip():
        return {}
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequestError(_FIELD, "must be JSON") from None
    if not isinstance(message, dict):
        raise InvalidRequestError(_FIELD, "must be a JSON object")
    return message


def _file_of(message: dict[str, Any]) -> dict[str, Any]:
    file = message.get("file")
    if file is None:
        return {}
    if not isinstance(file, dict):
        raise InvalidRequestError(f"{_FIELD}.file", "must be a JSON object")
    return file


def _text(file: dict[str, Any], *spellings: str) -> str:
    for spelling in spellings:
        value = file.get(spelling)
        if value is None:
            continue
        if not isinstance(value, str):
            raise InvalidRequestError(f"{_FIELD}.file.{spelling}", "must be a text")
        return value
    return ""


def _size(file: dict[str, Any]) -> int | None:
    for spelling in ("sizeBytes", "size_bytes"):
        value = file.get(spelling)
        if value is None:
            continue
        # int64 is a text in JSON; Python's SDK sends a number.
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
            return value
        raise InvalidRequestError(f"{_FIELD}.file.{spelling}", "must be a number of bytes")
    return None
