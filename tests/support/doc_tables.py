"""The tables of the documents that are made from the code."""

import re
from collections.abc import Iterable
from pathlib import Path

from services.edge.openapi import anthropic_operations, response_operations
from services.edge.openapi.document import OPERATIONS
from services.edge.openapi.openai_schemas import SCHEMAS
from services.edge.openapi.operation import Operation, Schema
from services.edge.openapi.resource_operations import OPERATIONS as OF_RESOURCES
from tests.support.doc_samples import DOCS
from tests.support.metrics import of_service

_MARKED = re.compile(
    r"(<!-- generated: (?P<kind>\w+) (?P<name>\w+) -->\n)(?P<table>.*?)(<!-- end -->)", re.DOTALL
)

_SCHEMAS = SCHEMAS | anthropic_operations.SCHEMAS | response_operations.SCHEMAS


def pages() -> list[Path]:
    """Return the documents that hold such tables."""
    return [page for page in sorted(DOCS.glob("*.md")) if _MARKED.search(page.read_text("utf-8"))]


def renewed(text: str) -> str:
    """Return a document with its tables as they must be."""

    def table_of(found: re.Match[str]) -> str:
        rows = _rows(found["kind"], found["name"])
        return found[1] + "".join(f"| {' | '.join(row)} |\n" for row in rows) + found[5]

    return _MARKED.sub(table_of, text)


def _rows(kind: str, name: str) -> list[list[str]]:
    match kind:
        case "routes":
            return _routes(_chosen(name))
        case "metrics":
            return _metrics(name)
    return _fields(_SCHEMAS[name])


def _metrics(service: str) -> list[list[str]]:
    rows = [
        [
            f"`{metric.name}`",
            metric.kind,
            ", ".join(f"`{label}`" for label in metric.labels),
            metric.meaning,
        ]
        for metric in of_service(service)
    ]
    return [["metric", "type", "labels", "meaning"], ["---"] * 4, *rows]


def _chosen(name: str) -> list[Operation]:
    api = [each for each in OPERATIONS if each.route != "page" and each not in OF_RESOURCES]
    match name:
        case "openai":
            return [each for each in api if "openai" in each.dialects]
        case "anthropic":
            return [each for each in api if "anthropic" in each.dialects]
        case "files":
            return [each for each in api if each.tag == "Gemini: files"]
        case "models":
            return [each for each in api if each.tag == "Gemini: models and their methods"]
    raise AssertionError(f"no routes are called {name}")


def _routes(operations: Iterable[Operation]) -> list[list[str]]:
    rows = [
        [f"`{each.method.upper()} {each.path}`", _lower(each.summary), each.about or ""]
        for each in operations
    ]
    return [["route", "what it does", ""], ["---"] * 3, *rows]


def _fields(schema: Schema) -> list[list[str]]:
    required = schema.get("required", ())
    rows = [
        [f"`{name}`", _kind(value), "yes" if name in required else ""]
        for name, value in schema["properties"].items()
    ]
    return [["field", "type", "required"], ["---"] * 3, *rows]


def _kind(schema: Schema) -> str:
    if "$ref" in schema:
        return "object"
    if "anyOf" in schema:
        kinds = [_kind(each) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind: str = schema["type"]
    if kind == "array":
        return f"list of {_kind(schema['items'])}s"
    if "minimum" in schema and schema.get("maximum", 2**31 - 1) != 2**31 - 1:
        return f"{kind}, {schema['minimum']} to {schema['maximum']}"
    return kind


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


if __name__ == "__main__":
    for page in pages():
        page.write_text(renewed(page.read_text("utf-8")), "utf-8")
