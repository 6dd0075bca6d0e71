"""Following references in JSON Schemas, and putting several schemas into one."""

from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]

_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
# What a schema without a type can only be about.
_TELLING = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "patternProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "maxItems": "array",
    "minLength": "string",
    "maxLength": "string",
    "pattern": "string",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
    "multipleOf": "number",
}
_LARGEST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_SMALLEST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


def pointed_at(root: Schema, ref: str) -> Schema | None:
    """Return what a reference within a schema points at; None for nothing."""
    if not ref.startswith("#"):
        return None
    place: Any = root
    for step in filter(None, unquote(ref[1:]).split("/")):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and name.isascii() and name.isdigit():
            place = place[int(name)] if int(name) < len(place) else None
        else:
            place = place.get(name) if isinstance(place, dict) else None
    return place if isinstance(place, dict) else None


def types_of(schema: Schema) -> list[str]:
    """Return the types that a schema allows, as it says or as its keywords tell; may be empty."""
    told = schema.get("type")
    if told is not None:
        names = told if isinstance(told, list) else [told]
        return [name for name in dict.fromkeys(map(str, names)) if name in _TYPES]
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(values, list) and values:
        return [*dict.fromkeys(_type_of(value) for value in values)]
    for name, kind in _TELLING.items():
        if name in schema:
            return [kind]
    return []


def merged(one: Schema, other: Schema) -> Schema:
    """Return the schema of values that fit both.

    What cannot be put together is kept under `also`, a keyword that nobody knows.
    """
    result = dict(one)
    left: Schema = {}
    for name, value in other.items():
        if name not in result or result[name] == value:
            result[name] = value
        elif name == "properties" and isinstance(value, dict) and isinstance(result[name], dict):
            result[name] = _merged_properties(result[name], value)
        elif name == "required" and isinstance(value, list) and isinstance(result[name], list):
            result[name] = [*result[name], *(key for key in value if key not in result[name])]
        elif name in _LARGEST and _are_numbers(value, result[name]):
            result[name] = max(value, result[name])
        elif name in _SMALLEST and _are_numbers(value, result[name]):
            result[name] = min(value, result[name])
        elif name == "type" and {"integer", "number"} == {str(value), str(result[name])}:
            result[name] = "integer"
        elif name == "description":
            result[name] = f"{result[name]}\n{value}"
        else:
            left[name] = value
    if left:
        also = result.get("also")
        result["also"] = [*(also if isinstance(also, list) else []), left]
    return result


def _merged_properties(one: Schema, other: Schema) -> Schema:
    result = dict(one)
    for name, value in other.items():
        known = result.get(name)
        is_both = isinstance(known, dict) and isinstance(value, dict)
        result[name] = merged(known or {}, value) if is_both else value
    return result


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
