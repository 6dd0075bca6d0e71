"""Every call between services ends some day: by its deadline, or a stream by its silence."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from gemini_balance.files.v1 import files_pb2
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2

from services.kit.grpc_channel import ServiceChannel

SERVICES = Path(__file__).resolve().parents[2] / "services"
METHODS = {
    method.name: method
    for file in (keypool_pb2.DESCRIPTOR, admin_pb2.DESCRIPTOR, files_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
    for method in service.methods
}
# These ask for a deadline themselves; mypy sees that they get one.
WITH_DEADLINE = {"call", "_call"}


def endless(source: str) -> Iterator[str]:
    """Yield what is called over a stub without a deadline, though it could have one."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("stub")):
            continue
        method, user = METHODS[node.attr], parents[node]
        name = ast.unparse(user.func).rpartition(".")[2] if isinstance(user, ast.Call) else ""
        if isinstance(user, ast.Call) and user.func is node:
            # An answer that comes in pieces may take as long as it takes.
            fine = method.server_streaming or "timeout" in {each.arg for each in user.keywords}
        else:
            fine = name in WITH_DEADLINE or (name == "stream" and method.client_streaming)
        if not fine:
            yield f"{node.lineno}: {node.attr}"


@pytest.mark.parametrize(
    "path",
    [each for each in sorted(SERVICES.rglob("*.py")) if "stub." in each.read_text()],
    ids=lambda path: str(path.relative_to(SERVICES)),
)
def test_no_call_is_without_an_end(path: Path) -> None:
    assert list(endless(path.read_text())) == []


def test_a_call_of_the_channel_needs_a_deadline() -> None:
    parameter = inspect.signature(ServiceChannel.call).parameters["timeout"]

    assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
    assert parameter.default is inspect.Parameter.empty


@pytest.mark.parametrize(
    "line",
    [
        "await self._stub.Authorize(request)",
        "await stub.Authorize(request, metadata=x)",
        "work = self._stub.SettleLeases",
        "channel.stream(self._stub.Authorize)",
        "asyncio.gather(self._stub.Authorize)",
    ],
)
def test_one_without_is_found(line: str) -> None:
    assert len(list(endless(line))) == 1
