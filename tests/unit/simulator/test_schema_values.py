from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt, Lt
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from services.simulator.schema_values import value_of


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=3, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str = Field(min_length=7, max_length=8)


class Tree(BaseModel):
    label: str
    children: list["Tree"]
    parent: "Tree | None"


class Everything(BaseModel):
    text: str
    number: Annotated[float, Gt(0), Lt(1)]
    whole: int = Field(gt=4, multiple_of=5)
    flag: bool
    nothing: None
    colour: Colour
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    maybe: Dog | None
    several: list[Cat] = Field(min_length=2, max_length=3)
    distinct: set[int] = Field(min_length=2)
    pair: tuple[int, str]
    tree: Tree


@pytest.mark.parametrize("kind", [Cat, Dog, Tree, Everything, list[Dog], Colour, int | None])
def test_the_value_satisfies_the_schema(kind: Any) -> None:
    adapter = TypeAdapter(kind)

    value = value_of(adapter.json_schema())

    adapter.validate_python(value)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}, {"a": "text"}),
        ({"type": "STRING", "enum": ["x", "y"]}, "x"),
        ({"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": 2}, [1, 1]),
        ({"anyOf": [{"type": "NULL"}, {"type": "BOOLEAN"}]}, True),
        ({"type": ["null", "integer"]}, 1),
        ({"const": 7}, 7),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]},
         {"a": 1, "b": 2}),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({}, "text"),
    ],
)  # fmt: skip
def test_both_dialects_of_schemas_are_understood(schema: dict[str, Any], expected: Any) -> None:
    assert value_of(schema) == expected


def test_the_order_that_the_schema_asks_for_is_kept() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"a": {"type": "STRING"}, "b": {"type": "STRING"}, "c": {"type": "STRING"}},
        "propertyOrdering": ["c", "a"],
    }

    assert list(value_of(schema)) == ["c", "a", "b"]


@given(st.integers(-50, 50), st.integers(0, 50), st.integers(1, 5))
def test_integers_keep_to_their_bounds(low: int, span: int, step: int) -> None:
    schema = {"type": "integer", "minimum": low, "maximum": low + span + step, "multipleOf": step}

    value = value_of(schema)

    assert low <= value <= low + span + step
    assert value % step == 0
