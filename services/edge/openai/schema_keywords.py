"""The keywords of JSON Schema that the old form has words for."""

from typing import Any

from services.edge.openai.schema_merging import Schema

_FORMATS = {
    "string": {"enum", "date-time"},
    "number": {"float", "double"},
    "integer": {"int32", "int64"},
}
_COUNTS = {
    "string": {"minLength", "maxLength"},
    "array": {"minItems", "maxItems"},
    "object": {"minProperties", "maxProperties"},
}
_NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_WORDS = {
    "object": _COUNTS["object"] | {"properties", "required"},
    "array": _COUNTS["array"] | {"items", "prefixItems"},
    "string": _COUNTS["string"] | {"pattern", "format"},
    "number": _NUMBERS | {"format"},
    "integer": _NUMBERS | {"format"},
}


def words_of(kind: str) -> set[str]:
    """Return the keywords that concern one type only."""
    return _WORDS.get(kind, set())


def read_keyword(name: str, schema: Schema, result: Schema) -> bool:
    """Put a keyword into a schema of the old form; False for one that it has no word for.

    Args:
        name: The keyword, properties and items apart.
        schema: Holds it, and a single type.
        result: Takes it.
    """
    kind, value = schema["type"], schema[name]
    match name:
        case "type" | "description" | "title" | "default":
            # Told for every schema alike.
            return name != "title" or isinstance(value, str)
        case "enum" | "const":
            return _read_enum(value if name == "enum" else [value], kind, result)
        case "format":
            is_known = isinstance(value, str) and value in _FORMATS.get(kind, ())
            return _keep(name, value, result, is_known)
        case "pattern" if kind == "string":
            return _keep(name, value, result, isinstance(value, str))
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return _read_bound(name, schema, result)
        case "required":
            return _read_required(schema, result)
        case "additionalProperties":
            # The model writes no other properties than it is told of.
            return value is True or (value is False and bool(schema.get("properties")))
        case "examples" if isinstance(value, list) and len(value) == 1:
            return _keep("example", value[0], result, True)
        case _ if name in _COUNTS.get(kind, ()):
            is_count = _is_whole(value) and value >= 0
            return _keep(name, int(value) if is_count else value, result, is_count)
    return False


def _keep(name: str, value: Any, result: Schema, is_possible: bool) -> bool:
    if is_possible:
        result[name] = value
    return is_possible


def _read_enum(values: Any, kind: str, result: Schema) -> bool:
    if kind != "string" or not isinstance(values, list):
        return False
    # Of another type than the schema's there can be no value.
    texts = list(dict.fromkeys(filter(_is_text, values)))
    if "enum" in result:
        texts = [value for value in result["enum"] if value in texts]
    return _keep("enum", texts, result, bool(texts) and all(texts))


def _read_bound(name: str, schema: Schema, result: Schema) -> bool:
    kind, value = schema["type"], schema[name]
    if kind not in {"number", "integer"} or not _is_number(value):
        return False
    if name in {"minimum", "maximum"}:
        return _keep(name, _tighter(name, value, result), result, True)
    if kind == "number" or not _is_whole(value):
        return False
    inclusive, step = ("minimum", 1) if name == "exclusiveMinimum" else ("maximum", -1)
    return _keep(inclusive, _tighter(inclusive, int(value) + step, result), result, True)


def _tighter(name: str, value: Any, result: Schema) -> Any:
    known = result.get(name, value)
    return max(known, value) if name == "minimum" else min(known, value)


def _read_required(schema: Schema, result: Schema) -> bool:
    names, properties = schema["required"], schema.get("properties")
    if schema["type"] != "object" or not isinstance(names, list):
        return False
    declared = properties if isinstance(properties, dict) else {}
    known = [name for name in names if isinstance(name, str) and name in declared]
    _keep("required", known, result, bool(known))
    return len(known) == len(names)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and float(value).is_integer()
