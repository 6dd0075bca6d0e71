"""Reads request bodies as Google does: both spellings of a name, unknown names refused."""

import base64
import binascii
import re
from typing import Any

import orjson

from services.simulator.errors import bad_payload
from services.simulator.fields import ONE_OF, SPELLINGS, snake

_PREFIX = "Invalid JSON payload received."
_INTEGER = re.compile(r"-?\d+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

Problems = list[tuple[str, str]]


def read_message(message: str, body: bytes) -> dict[str, Any]:
    """Return a request body with camelCase names.

    Args:
        message: The message that the body must be, such as `GenerateContentRequest`.
        body: The bytes as received; none stand for an empty message.

    Raises:
        ApiError: The body is no JSON, or does not fit the message.
    """
    if not body.strip():
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_payload([("", f"{_PREFIX} {_explain(error)}")]) from error
    problems: Problems = []
    found = _read(message, value, "", problems)
    if problems:
        raise bad_payload(problems)
    read: dict[str, Any] = found
    return read


def _explain(error: orjson.JSONDecodeError) -> str:
    around = error.doc[max(0, error.pos - 10) : error.pos + 20].strip()
    if error.pos >= len(error.doc):
        return f"Unexpected end of string. Expected a value.\n{around}\n^"
    return f"Unexpected token.\n{around}\n^"


def _read(kind: str, value: Any, path: str, problems: Problems) -> Any:
    if kind.endswith("[]"):
        # Google takes a single value where a list is expected.
        items = value if isinstance(value, list) else [value]
        item_kind = kind[:-2]
        return [
            _read(item_kind, item, f"{path}[{index}]", problems)
            for index, item in enumerate(items)
            if item is not None
        ]
    if value is None and kind != "any":
        return None
    if kind.endswith("{}"):
        if not isinstance(value, dict):
            return _misfit(path, "Map", value, problems)
        return {
            key: _read(kind[:-2], item, f"{path}[{key}]", problems) for key, item in value.items()
        }
    if kind in SPELLINGS:
        return _read_fields(kind, value, path, problems)
    return _read_scalar(kind, value, path, problems)


def _read_fields(message: str, value: Any, path: str, problems: Problems) -> Any:
    if not isinstance(value, dict):
        return _misfit(path, f"type.googleapis.com/{message}", value, problems)
    spellings = SPELLINGS[message]
    read: dict[str, Any] = {}
    for spelling, item in value.items():
        known = spellings.get(spelling)
        if known is None:
            place = f" at '{path}'" if path else ""
            problems.append(
                (path, f'{_PREFIX} Unknown name "{spelling}"{place}: Cannot find field.')
            )
            continue
        name, kind = known
        inner = f"{path}.{snake(name)}" if path else snake(name)
        if (found := _read(kind, item, inner, problems)) is not None:
            read[name] = found
    if group := ONE_OF.get(message):
        present = [name for name in read if name in group]
        if len(present) > 1:
            text = (
                f"Invalid value at '{path}' (oneof), oneof field 'data' is already set. "
                f"Cannot set '{present[1]}'"
            )
            problems.append((path, text))
    return read


def _read_scalar(kind: str, value: Any, path: str, problems: Problems) -> Any:  # noqa: PLR0911  # one return for each type
    match kind:
        case "any":
            return value
        case "string":
            return (
                value if isinstance(value, str) else _misfit(path, "TYPE_STRING", value, problems)
            )
        case "bool":
            return value if isinstance(value, bool) else _misfit(path, "TYPE_BOOL", value, problems)
        case "struct":
            if isinstance(value, dict):
                return value
            return _misfit(path, "type.googleapis.com/google.protobuf.Struct", value, problems)
        case "bytes":
            return _read_bytes(value, path, problems)
        case "int":
            if isinstance(value, str) and _INTEGER.fullmatch(value):
                return int(value)
            if _is_number(value) and value == int(value):
                return int(value)
            return _misfit(path, "TYPE_INT32", value, problems)
        case "number":
            return value if _is_number(value) else _misfit(path, "TYPE_FLOAT", value, problems)
    # Enumerations: Google reads their names in any case.
    if isinstance(value, str) and value.upper() in kind.removeprefix("enum:").split("|"):
        return value.upper()
    return _misfit(path, "TYPE_ENUM", value, problems)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_bytes(value: Any, path: str, problems: Problems) -> Any:
    if not isinstance(value, str):
        return _misfit(path, "TYPE_BYTES", value, problems)
    try:
        raw = value.encode("ascii").translate(_URL_SAFE)
        base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        text = f'Base64 decoding failed for "{value[:80]}"'
        problems.append((path, f"Invalid value at '{path}' (TYPE_BYTES), {text}"))
        return None
    return value


def _misfit(path: str, expected: str, value: Any, problems: Problems) -> None:
    shown = orjson.dumps(value).decode()
    problems.append((path, f"Invalid value at '{path}' ({expected}), {shown[:200]}"))
