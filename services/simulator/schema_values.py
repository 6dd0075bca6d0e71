"""Makes a value that satisfies a schema, always the same one."""

from collections.abc import Callable
from typing import Any

_DEEPEST = 6
_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "PT5M",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "12345678-1234-4234-8234-123456789abc",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}

Schema = dict[str, Any]


def value_of(schema: Schema) -> Any:
    """Return a value for a JSON Schema or for the API's own Schema.

    Handles types, enumerations, constants, bounds, compositions and `$ref` into the schema
    itself; recursion ends by leaving out what is not required. Patterns are not solved.
    """
    return _value(schema, schema, 0)


def _value(schema: Any, root: Schema, depth: int) -> Any:
    if not isinstance(schema, dict):
        return "text"
    if reference := schema.get("$ref"):
        return _value(_resolve(reference, root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf"):
        if options := schema.get(word):
            return _value(_pick(options, root, depth), root, depth + 1)
    if parts := schema.get("allOf"):
        return _value(_merge(schema, parts, root), root, depth + 1)
    return _MAKERS.get(_type_of(schema), _string)(schema, root, depth)


def _type_of(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((option for option in kind if option != "null"), "null")
    if isinstance(kind, str) and kind.upper() != "TYPE_UNSPECIFIED":
        return kind.lower()
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _resolve(reference: str, root: Schema) -> Any:
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name, {}) if isinstance(found, dict) else {}
    return found


def _pick(options: list[Any], root: Schema, depth: int) -> Any:
    """Prefer a value over null, but end a recursion with null where that is allowed."""
    nulls = [option for option in options if _is_null(option)]
    values = [option for option in options if not _is_null(option)]
    if depth >= _DEEPEST and nulls:
        return nulls[0]
    if depth >= _DEEPEST:
        return min(values, key=lambda option: _leads_on(option, root))
    return (values or nulls)[0]


def _leads_on(option: Any, root: Schema) -> bool:
    if isinstance(option, dict) and "$ref" in option:
        option = _resolve(option["$ref"], root)
    return isinstance(option, dict) and _type_of(option) in {"object", "array"}


def _is_null(option: Any) -> bool:
    return isinstance(option, dict) and str(option.get("type", "")).lower() == "null"


def _merge(schema: Schema, parts: list[Any], root: Schema) -> Schema:
    merged: Schema = {name: value for name, value in schema.items() if name != "allOf"}
    for part in parts:
        whole = _resolve(part["$ref"], root) if "$ref" in part else part
        for name, value in whole.items():
            if name == "properties":
                merged[name] = merged.get(name, {}) | value
            elif name == "required":
                merged[name] = [*merged.get(name, []), *value]
            else:
                merged[name] = value
    return merged


def _object(schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    wanted = properties if depth < _DEEPEST else [name for name in properties if name in required]
    ordered = [name for name in schema.get("propertyOrdering", []) if name in wanted]
    names = [*ordered, *(name for name in wanted if name not in ordered)]
    return {name: _value(properties[name], root, depth + 1) for name in names}


def _array(schema: Schema, root: Schema, depth: int) -> list[Any]:
    least = int(schema.get("minItems", 0))
    most = int(schema.get("maxItems", max(least, 1)))
    prefix = schema.get("prefixItems", [])
    items = [_value(item, root, depth + 1) for item in prefix]
    wanted = min(max(least, len(items) if items else int(depth < _DEEPEST)), most)
    kind = schema.get("items", {})
    while len(items) < wanted:
        items.append(_vary(_value(kind, root, depth + 1), len(items), kind, schema))
    return items


def _vary(value: Any, index: int, kind: Any, schema: Schema) -> Any:
    """Make the items of a set differ from each other."""
    if not (schema.get("uniqueItems") and index):
        return value
    if isinstance(kind, dict) and (options := kind.get("enum")):
        return options[index % len(options)]
    if isinstance(value, str):
        return f"{value}{index}"
    return value + index if isinstance(value, int | float) else value


def _integer(schema: Schema, _root: Schema, _depth: int) -> int:
    low = schema.get("minimum")
    if "exclusiveMinimum" in schema:
        low = int(schema["exclusiveMinimum"]) + 1
    high = schema.get("maximum")
    if "exclusiveMaximum" in schema:
        high = -int(-schema["exclusiveMaximum"]) - 1
    value = 1 if low is None else -int(-low // 1)
    if high is not None and value > high:
        value = int(high // 1)
    step = schema.get("multipleOf")
    return int(-(-value // step) * step) if step else value


def _number(schema: Schema, _root: Schema, _depth: int) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return float(low) if low == high else (low + high) / 2
    if low is not None:
        return float(low) + 1
    if high is not None:
        return float(high) - 1
    return float(schema.get("multipleOf", 1.5))


def _string(schema: Schema, _root: Schema, _depth: int) -> str:
    text = _FORMATS.get(schema.get("format", ""), "text")
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    if len(text) < least:
        text += "x" * (least - len(text))
    return text if most is None else text[: int(most)]


_MAKERS: dict[str, Callable[[Schema, Schema, int], Any]] = {
    "object": _object,
    "array": _array,
    "integer": _integer,
    "number": _number,
    "boolean": lambda *_: True,
    "null": lambda *_: None,
}
