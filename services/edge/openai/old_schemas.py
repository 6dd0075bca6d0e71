"""JSON Schema in the narrower form that models before Gemini 2 take.

What the old form has words for is said in them. Every other keyword goes, as it is, into
the description, which the model reads too: nothing is dropped, and nothing is refused for
a keyword.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import check_nesting
from services.edge.openai.schema_keywords import read_keyword, words_of
from services.edge.openai.schema_merging import Schema, merged, pointed_at, types_of

_LARGEST = 5_000
_DEEPEST = 100
_BYTES_PER_STEP = 100
# They say nothing about values, or have been followed.
_SILENT = frozenset({"$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "strict"})
# What may stand beside alternatives; all else holds for each of them.
_BESIDE = frozenset({"description", "title", "default"})
_ANY = ("STRING", "NUMBER", "BOOLEAN", "OBJECT")
_REF = re.compile(rb'"\$ref":"(#[^"\\]*)"')


def use_old_schemas(body: dict[str, Any]) -> None:
    """Rewrite the schemas of a Gemini request.

    Raises:
        BadRequestError: One is too large once its references are followed.
    """
    for tool in body.get("tools", ()):
        for declaration in tool.get("functionDeclarations", ()):
            schema = declaration.pop("parametersJsonSchema", None)
            parameters = old_schema(schema) if schema is not None else {}
            # An object without properties is refused, a function without parameters is not.
            if parameters.keys() - {"type", "title"}:
                declaration["parameters"] = parameters
    config = body.get("generationConfig", {})
    if "responseJsonSchema" in config:
        config["responseSchema"] = old_schema(config.pop("responseJsonSchema"))


def old_schema(schema: Schema) -> Schema:
    """Return a JSON Schema in the old form.

    Raises:
        BadRequestError: It is too large once its references are followed.
    """
    result = _Rewriting(schema).of(schema, ())
    check_nesting(result, "schema")
    return result


class _Rewriting:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._size = 0
        self._depth = 0

    def of(self, schema: object, refs: tuple[str, ...]) -> Schema:
        """Return a schema in the old form.

        Args:
            schema: A JSON Schema.
            refs: The references that lead here: the old form cannot refer to itself.
        """
        with self._step():
            if not isinstance(schema, dict):
                return self._any({"not": {}} if schema is False else {})
            schema, refs = self._followed(schema, refs)
            for name in ("anyOf", "oneOf"):
                if isinstance(schema.get(name), list) and schema[name]:
                    return self._choice(schema, name, refs)
            return self._plain(schema, refs)

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Go one level down; references can make a small schema large and deep."""
        self._size += 1
        if self._size > _LARGEST or self._depth > _DEEPEST:
            raise BadRequestError(
                "A schema is too large for this model once its references are followed.",
                code="invalid_value",
            )
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _followed(self, schema: Schema, refs: tuple[str, ...]) -> tuple[Schema, tuple[str, ...]]:
        """Return a schema with what it refers to, and all of `allOf`, in its own place."""
        ref = schema.get("$ref")
        target = None
        if isinstance(ref, str) and ref not in refs:
            target = pointed_at(self._root, ref)
        if target is not None and isinstance(ref, str):
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            with self._step():
                return self._followed(merged(target, rest), (*refs, ref))
        parts = schema.get("allOf")
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            return schema, refs
        result = {name: value for name, value in schema.items() if name != "allOf"}
        for part in parts:
            with self._step():
                whole, refs = self._followed(part, refs)
            result = merged(result, whole)
        return result, refs

    def _choice(self, schema: Schema, name: str, refs: tuple[str, ...]) -> Schema:
        rest = {k: v for k, v in schema.items() if k != name and k not in _BESIDE}
        branches = [
            self._followed(branch, refs) if isinstance(branch, dict) else ({}, refs)
            for branch in schema[name]
        ]
        some = [(one, seen) for one, seen in branches if types_of(one) != ["null"]]
        notes: Schema = {}
        result: Schema = {"type": "NULL"}
        if len(some) == 1:
            result = self.of(merged(rest, some[0][0]), some[0][1])
        elif some:
            result = {"anyOf": [self.of(merged(rest, one), seen) for one, seen in some]}
            if name == "oneOf":
                notes["oneOf"] = "exactly one of these"
        if some and len(some) < len(branches):
            result["nullable"] = True
        return self._described(result, notes, schema)

    def _plain(self, schema: Schema, refs: tuple[str, ...]) -> Schema:
        kinds = types_of(schema)
        some = [kind for kind in kinds if kind != "null"]
        if not kinds or "$ref" in schema:
            return self._any(schema)
        if len(some) > 1:
            placed = {name for kind in some for name in words_of(kind)} | {"type"}
            branches = [
                {name: schema[name] for name in schema if name in words_of(kind)} | {"type": kind}
                for kind in some
            ]
            result: Schema = {"anyOf": [self._single(one, refs) for one in branches]}
            notes = {name: value for name, value in schema.items() if name not in placed}
            result = self._described(result, notes, schema)
        else:
            result = self._single({**schema, "type": some[0] if some else "null"}, refs)
        if some and "null" in kinds:
            result["nullable"] = True
        return result

    def _single(self, schema: Schema, refs: tuple[str, ...]) -> Schema:
        kind = schema["type"]
        result: Schema = {"type": kind.upper()}
        notes: Schema = {}
        for name, value in schema.items():
            if name == "properties" and isinstance(value, dict):
                if value:
                    result[name] = {key: self.of(inner, refs) for key, inner in value.items()}
                    result["propertyOrdering"] = list(value)
            elif name == "items" and isinstance(value, dict) and "prefixItems" not in schema:
                result[name] = self.of(value, refs)
            elif not read_keyword(name, schema, result):
                notes[name] = value
        if kind == "array" and "items" not in result:
            result["items"] = self._items(schema, refs)
        return self._described(result, notes, schema)

    def _items(self, schema: Schema, refs: tuple[str, ...]) -> Schema:
        """Return what an array may hold whose places are told one by one, or not at all."""
        places = schema.get("prefixItems", schema.get("items"))
        if not isinstance(places, list) or not places:
            return self._any({})
        branches = [self.of(place, refs) for place in places]
        return branches[0] if len(branches) == 1 else {"anyOf": branches}

    def _any(self, schema: Schema) -> Schema:
        """Return the schema of any value, with all that is said about it as notes."""
        result: Schema = {"anyOf": [{"type": kind} for kind in _ANY], "nullable": True}
        return self._described(result, schema, schema)

    def _described(self, result: Schema, notes: Schema, schema: Schema) -> Schema:
        """Put what stands beside a type, and what has no word, into a result."""
        left = {k: v for k, v in notes.items() if k not in _SILENT and k not in _BESIDE}
        for name in ("title", "default"):
            if name in schema and (name != "title" or isinstance(schema[name], str)):
                if name in result and result[name] != schema[name]:
                    # That of the only choice, which has become one with this schema.
                    left[f"inner {name}"] = result[name]
                result[name] = schema[name]
        lines = [schema.get("description"), result.get("description")]
        if left:
            data = orjson.dumps(left | self._definitions(left))
            self._size += len(data) // _BYTES_PER_STEP
            lines.append(f"As JSON Schema: {data.decode()}")
        texts = list(dict.fromkeys(map(str, filter(None, lines))))
        if texts:
            result["description"] = "\n".join(texts)
        return result

    def _definitions(self, notes: Schema) -> Schema:
        """Return the definitions that notes refer to, which stand nowhere else."""
        found: Schema = {}
        wanted = [notes]
        while wanted:
            for ref in _REF.findall(orjson.dumps(wanted.pop())):
                name = ref.decode()
                target = pointed_at(self._root, name)
                if name not in found and target is not None and name != "#":
                    found[name] = target
                    wanted.append(target)
        return {"definitions": found} if found else {}
