"""Typed reading of a client's JSON, with OpenAI's words for what is wrong with it.

Every reader takes a value that is present and the path of its field.
"""

import math
import re
from collections.abc import Collection
from typing import Any

from services.edge.openai.errors import BadRequestError

# Google's parser refuses JSON nested deeper than 100 levels, our envelope included.
DEEPEST = 80

_PLACE = re.compile(r"\[\d+\]")


def type_name(value: object) -> str:
    """Return what OpenAI calls the JSON type of a value, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a decimal"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def wrong_type(value: object, param: str, expected: str) -> BadRequestError:
    """Return the error for a value of the wrong JSON type."""
    return BadRequestError(
        f"Invalid type for '{param}': expected {expected}, but got {type_name(value)} instead.",
        param,
        "invalid_type",
    )


def wrong_value(value: object, param: str, supported: tuple[str, ...]) -> BadRequestError:
    """Return the error for a value outside a closed set."""
    names = ", ".join(f"'{name}'" for name in supported)
    shown = f"'{value[:60]}'" if isinstance(value, str) else str(value)
    return BadRequestError(
        f"Invalid value: {shown}. Supported values are: {names}.", param, "invalid_value"
    )


def missing(param: str) -> BadRequestError:
    """Return the error for a field that must be there."""
    return BadRequestError(
        f"Missing required parameter: '{param}'.", param, "missing_required_parameter"
    )


def read_string(value: object, param: str) -> str:
    """Return a string."""
    if isinstance(value, str):
        return value
    raise missing(param) if value is None else wrong_type(value, param, "a string")


def read_name(value: object, param: str) -> str:
    """Return a string that is not empty."""
    name = read_string(value, param)
    if not name:
        raise BadRequestError(
            f"Invalid '{param}': empty string. Expected a string with minimum length 1, "
            "but got an empty string instead.",
            param,
            "empty_string",
        )
    return name


def read_boolean(value: object, param: str) -> bool:
    """Return a boolean."""
    if isinstance(value, bool):
        return value
    raise wrong_type(value, param, "a boolean")


def read_object(value: object, param: str) -> dict[str, Any]:
    """Return an object."""
    if isinstance(value, dict):
        return value
    raise missing(param) if value is None else wrong_type(value, param, "an object")


def read_list(value: object, param: str) -> list[Any]:
    """Return an array."""
    if isinstance(value, list):
        return value
    raise missing(param) if value is None else wrong_type(value, param, "an array")


def read_number(value: object, param: str, low: float, high: float) -> float:
    """Return a number within bounds, both allowed."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(value, param, "a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong_type(value, param, "a finite number")
    _check_bounds(value, param, low, high)
    return value


def read_integer(value: object, param: str, low: int, high: int) -> int:
    """Return a whole number within bounds, both allowed; 5.0 counts as whole."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, param, "an integer")
    _check_bounds(value, param, low, high)
    return value


def check_nesting(value: object, param: str) -> None:
    """Refuse a free-form value that Google's parser would refuse for its depth."""
    level: list[object] = [value]
    for _ in range(DEEPEST):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = inner
    raise BadRequestError(
        f"Invalid '{param}': nested deeper than {DEEPEST} levels.", param, "invalid_value"
    )


def note_others(
    holder: dict[str, Any], known: Collection[str], param: str, ignored: list[str]
) -> None:
    """Note the fields of an object that are not known here and say something.

    Args:
        holder: The object.
        known: The fields that are read.
        param: The path of the object; without the places in lists it is what is noted.
        ignored: Takes the paths.
    """
    for name, value in holder.items():
        if name not in known and value is not None and value not in ("", [], {}):
            ignored.append(f"{_PLACE.sub('[]', param)}.{name}")


def _check_bounds(value: float, param: str, low: float, high: float) -> None:
    if value < low:
        problem, bound, code = "below minimum", f">= {low}", "below_min_value"
    elif value > high:
        problem, bound, code = "above maximum", f"<= {high}", "above_max_value"
    else:
        return
    kind = "integer" if isinstance(value, int) else "decimal"
    raise BadRequestError(
        f"Invalid '{param}': {kind} {problem} value. Expected a value {bound}, "
        f"but got {value} instead.",
        param,
        f"{kind}_{code}",
    )
