"""The document describes every route, and nothing else."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

from services.edge import router
from services.edge.dialects import dialect_of
from services.edge.handlers import Handlers
from services.edge.http import Exchange
from services.edge.openapi.document import OPERATIONS, build_document
from services.edge.openapi.operation import Operation
from services.edge.openapi.page import render_page
from services.edge.pages import Pages
from services.edge.router import Router
from services.kit.health import Health

API = [operation for operation in OPERATIONS if operation.route != "page"]
NAMES = {"file": "abc-123", "file_id": "file-abc-123", "model": "gemini-2.5-flash"}


def name_of(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def exchange_for(method: str, path: str) -> Exchange:
    async def unused(*_: object) -> Any:
        raise AssertionError("nothing is read or sent")

    scope = {"method": method.upper(), "path": path, "query_string": b"", "headers": []}
    exchange = Exchange(scope, unused, unused)
    exchange.dialect = dialect_of(path, {}, has_query_key=False)
    return exchange


@pytest.fixture
def routes() -> Router:
    """A router whose handlers are never run, so they need nothing."""
    kinds = get_type_hints(Handlers)
    return Router(Handlers(**{name: object.__new__(kind) for name, kind in kinds.items()}))


@pytest.mark.parametrize("operation", API, ids=name_of)
def test_a_description_has_its_route(routes: Router, operation: Operation) -> None:
    path = re.sub(r"\{(\w+)\}", lambda found: NAMES.get(found[1], "some"), operation.path)

    route = routes.find(exchange_for(operation.method, path))

    assert route is not None
    assert route.name == operation.route


def test_every_route_is_described() -> None:
    built = set(re.findall(r'Route\(\s*"(\w+)"', inspect.getsource(router)))

    # Requests that go on with an upload may have any path; the start's description tells of them.
    assert {operation.route for operation in API} == built - {"upload"}


def test_the_pages_are_those_that_are_described() -> None:
    served = set(Pages(Health()).by_path)

    # The root only leads to the page for people.
    assert served - {"/"} == {each.path for each in OPERATIONS if each.route == "page"}


def test_no_two_operations_are_alike() -> None:
    document = build_document()

    ids = [
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    ]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(target := node.get("$ref"), str):
            yield target.rpartition("/")[2]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_schema_is_there_and_used() -> None:
    document = build_document()

    assert set(references(document)) == set(document["components"]["schemas"])


def test_the_page_loads_nothing_and_leads_only_to_itself() -> None:
    page = render_page(build_document())

    links = set(re.findall(r'(?:href|src|action)="([^"]*)"', page))
    anchors = {f"#{name}" for name in re.findall(r'id="([^"]*)"', page)}
    assert links <= anchors | {"/openapi.json"}
    assert not re.search(r"<(?:script|link|img|iframe)|url\(|@import", page)
    assert all(f"<code>{each.path}</code>" in page for each in OPERATIONS)
