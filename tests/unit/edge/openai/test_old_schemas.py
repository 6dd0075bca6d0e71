"""JSON Schemas for models that take only the older form."""

import contextlib
import json
from typing import Any

import pytest
from google.ai.generativelanguage_v1beta.types import GenerateContentRequest, Schema
from google.protobuf import json_format
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.edge.openai.chat_request import translate_chat
from services.edge.openai.errors import BadRequestError
from services.edge.openai.old_schemas import old_schema
from tests.support.edge_in_memory import EdgeInMemory, Script

OLD = "gemini-1.5-flash"
TEXT = {"type": "STRING"}
ANY = {
    "anyOf": [{"type": kind} for kind in ("STRING", "NUMBER", "BOOLEAN", "OBJECT")],
    "nullable": True,
}


def noted(**keywords: Any) -> dict[str, str]:
    return {"description": "As JSON Schema: " + json.dumps(keywords, separators=(",", ":"))}


@pytest.mark.parametrize(
    ("schema", "old"),
    [
        ({"type": "string"}, TEXT),
        ({"type": "string", "enum": ["a", "b"]}, TEXT | {"enum": ["a", "b"]}),
        ({"const": "a"}, TEXT | {"enum": ["a"]}),
        ({"enum": ["a", None]}, TEXT | {"enum": ["a"], "nullable": True}),
        ({"type": "string", "enum": ["", "a"]}, TEXT | noted(enum=["", "a"])),
        ({"enum": [1, 2]}, {"type": "INTEGER"} | noted(enum=[1, 2])),
        ({"type": ["string", "null"], "minLength": 2}, TEXT | {"minLength": 2, "nullable": True}),
        ({"type": "null"}, {"type": "NULL"}),
        ({"type": "string", "format": "date-time"}, TEXT | {"format": "date-time"}),
        ({"type": "string", "format": "email"}, TEXT | noted(format="email")),
        ({"type": "integer", "exclusiveMinimum": 3}, {"type": "INTEGER", "minimum": 4}),
        (
            {"type": "integer", "exclusiveMaximum": 9, "maximum": 5},
            {"type": "INTEGER", "maximum": 5},
        ),
        ({"type": "number", "exclusiveMinimum": 3}, {"type": "NUMBER"} | noted(exclusiveMinimum=3)),
        ({"type": "number", "multipleOf": 5}, {"type": "NUMBER"} | noted(multipleOf=5)),
        (
            {"type": ["string", "integer"], "minLength": 1, "minimum": 2},
            {"anyOf": [TEXT | {"minLength": 1}, {"type": "INTEGER", "minimum": 2}]},
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, TEXT | {"nullable": True}),
        (
            {"anyOf": [{"minLength": 3}, {"pattern": "^a"}], "type": "string", "title": "T"},
            {"anyOf": [TEXT | {"minLength": 3}, TEXT | {"pattern": "^a"}], "title": "T"},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [TEXT, {"type": "INTEGER"}]} | noted(oneOf="exactly one of these"),
        ),
        (
            {"allOf": [{"type": "integer", "minimum": 1}, {"minimum": 3, "maximum": 9}]},
            {"type": "INTEGER", "minimum": 3, "maximum": 9},
        ),
        ({"type": "array"}, {"type": "ARRAY", "items": ANY}),
        ({"type": "array", "items": {"type": "string"}}, {"type": "ARRAY", "items": TEXT}),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
            | {"additionalProperties": False, "$schema": "x", "$comment": "y"},
            {"type": "OBJECT", "properties": {"a": TEXT}}
            | {"propertyOrdering": ["a"], "required": ["a"]},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
            {"type": "OBJECT", "properties": {"a": TEXT}}
            | {"propertyOrdering": ["a"], "required": ["a"]}
            | noted(required=["a", "b"]),
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": "OBJECT"} | noted(additionalProperties={"type": "string"}),
        ),
        (
            {
                "$ref": "#/$defs/city",
                "description": "where",
                "$defs": {"city": {"type": "string", "description": "a city"}},
            },
            TEXT | {"description": "a city\nwhere"},
        ),
        ({}, ANY),
    ],
)
def test_the_same_in_the_older_form(schema: dict[str, Any], old: dict[str, Any]) -> None:
    result = old_schema(schema)

    assert result == old
    json_format.ParseDict(result, Schema.pb()())


def test_what_refers_to_itself_is_told_with_its_definition() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}

    result = old_schema({"$ref": "#/$defs/node", "$defs": {"node": node}})

    inner = result["properties"]["next"]
    assert {"anyOf", "nullable"} < set(inner)
    notes = json.loads(inner["description"].partition(": ")[2])
    assert notes == {"$ref": "#/$defs/node", "definitions": {"#/$defs/node": node}}


def test_references_cannot_make_a_small_schema_huge() -> None:
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for number in range(1, 40):
        inner = {"$ref": f"#/$defs/d{number - 1}"}
        definitions[f"d{number}"] = {"type": "object", "properties": {"a": inner, "b": inner}}

    with pytest.raises(BadRequestError):
        old_schema({"$ref": "#/$defs/d39", "$defs": definitions})


def test_a_long_chain_of_references_is_refused_or_followed() -> None:
    definitions = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(3000)}

    with pytest.raises(BadRequestError):
        old_schema({"$ref": "#/$defs/d0", "$defs": definitions})


_WORD = st.integers(10_000, 99_999).map(lambda number: f"w{number}z")
_NUMBER = st.integers(100_000, 999_999)
_TELLING = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "minLength": _NUMBER,
            "pattern": _WORD,
            "format": _WORD,
            "contentEncoding": _WORD,
            "default": _WORD,
            "enum": st.lists(_WORD, min_size=1, max_size=2, unique=True),
            "examples": st.lists(_WORD, min_size=1, max_size=2),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["number", "integer", ["integer", "null"]])},
        optional={"multipleOf": _NUMBER, "enum": st.lists(_NUMBER, min_size=1), "minimum": _NUMBER},
    ),
)


def _composed(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(_WORD, inner, max_size=3)},
            optional={
                "description": _WORD,
                "patternProperties": st.dictionaries(_WORD, inner, max_size=1),
                "required": st.lists(_WORD, max_size=2),
            },
        ),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries({"type": st.just("array"), "prefixItems": some}),
        st.fixed_dictionaries({"anyOf": some}, optional={"title": _WORD, "description": _WORD}),
        st.fixed_dictionaries({"oneOf": some}),
        st.fixed_dictionaries({"not": inner}),
        st.builds(lambda one, two: {"if": one, "then": two}, inner, inner),
        st.builds(
            lambda target, name: {"$ref": f"#/$defs/{name}", "$defs": {name: target}}, inner, _WORD
        ),
    )


_SCHEMAS = st.recursive(_TELLING, _composed, max_leaves=8)


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        names = [name for name in value if name.startswith("w")]
        inner = [leaf for key, one in value.items() if key != "$ref" for leaf in _leaves(one)]
        return names + inner
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    is_telling = isinstance(value, int) or (isinstance(value, str) and value.startswith("w"))
    return [str(value)] if is_telling and not isinstance(value, bool) else []


@settings(max_examples=400, deadline=None)
@example({"title": "w1z", "anyOf": [{"title": "w2z", "anyOf": [{"type": "string"}]}]})
@given(_SCHEMAS)
def test_nothing_is_dropped_and_google_can_read_it(schema: dict[str, Any]) -> None:
    # References are from the root, so what they name is there too.
    definitions: dict[str, Any] = {}

    def gather(value: Any) -> None:
        for one in value.values() if isinstance(value, dict) else value:
            if isinstance(one, dict | list):
                gather(one)
        if isinstance(value, dict):
            definitions.update(value.pop("$defs", {}))

    gather(schema)
    named = {name for name in definitions if f"#/$defs/{name}" in json.dumps(schema)}

    result = old_schema({**schema, "$defs": definitions} if definitions else schema)

    json_format.ParseDict(result, Schema.pb()())
    text = json.dumps(result)
    wanted = _leaves(schema) + [leaf for name in named for leaf in _leaves(definitions[name])]
    assert not [leaf for leaf in wanted if leaf not in text]


_KEYWORDS = """
    type properties items required enum const anyOf oneOf allOf not $ref $defs minimum
    exclusiveMinimum maxLength pattern format prefixItems additionalProperties title
    description nullable default examples
"""
_ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | _WORD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYWORDS.split()),
            inner
            | st.sampled_from(["string", "object", "array", "integer", "#", "#/$defs", "#/items"]),
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=400, deadline=None)
@example({"items": {"type": "string", "format": []}})
@given(st.dictionaries(st.sampled_from(["properties", "items", "anyOf", "allOf", "$ref"]), _ODD))
def test_any_object_is_rewritten_or_refused(schema: dict[str, Any]) -> None:
    with contextlib.suppress(BadRequestError):
        assert isinstance(json.dumps(old_schema(schema)), str)


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
NEWER = {"type": "OBJECT", "properties": {"a": TEXT}, "propertyOrdering": ["a"]}


def body_of(model: str, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": model, "messages": messages, **fields}
    return translate_chat(body, old_models=["gemini-1.*"]).gemini_body


@pytest.mark.parametrize(("model", "is_old"), [(OLD, True), ("gemini-2.0-flash", False)])
def test_only_models_that_need_it_get_the_older_form(model: str, is_old: bool) -> None:
    functions = [
        {"name": "f", "parameters": SCHEMA},
        {"name": "g", "parameters": {"type": "object"}},
    ]
    schema = {"name": "x", "schema": SCHEMA}

    called = body_of(model, functions=functions)
    formed = body_of(model, response_format={"type": "json_schema", "json_schema": schema})

    first, second = called["tools"][0]["functionDeclarations"]
    if is_old:
        assert first == {"name": "f", "parameters": NEWER}
        assert second == {"name": "g"}
        assert formed["generationConfig"]["responseSchema"] == NEWER | {"title": "x"}
        for sent in (called, formed):
            json_format.ParseDict(sent, GenerateContentRequest.pb()())
    else:
        assert first == {"name": "f", "parametersJsonSchema": SCHEMA}
        assert second == {"name": "g", "parametersJsonSchema": {"type": "object"}}
        assert formed["generationConfig"]["responseJsonSchema"] == SCHEMA | {"title": "x"}


async def test_the_operator_says_which_models_need_it() -> None:
    edge = EdgeInMemory(old_schema_models=["own-*"])
    reply = b'{"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}'
    body = {
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    }

    await edge.post("/v1/chat/completions", body | {"model": "own-1"}, Script([reply]))
    own = edge.sent()["tools"][0]["functionDeclarations"][0]
    await edge.post("/v1/chat/completions", body | {"model": OLD}, Script([reply]))
    other = edge.sent()["tools"][0]["functionDeclarations"][0]

    assert own["parameters"] == NEWER
    assert other["parametersJsonSchema"] == SCHEMA
