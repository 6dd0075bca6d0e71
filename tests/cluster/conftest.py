"""One cluster for all scenarios; the demo is applied to it once."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.demo import Demo, apply_demo
from tests.cluster.node import Node, running_node
from tests.cluster.sandbox import is_inside
from tests.hosts.report import table

if not is_inside():
    # They need a node of their own: `make try-cluster`.
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    # It stays until the next run, for whoever wants to read the logs.
    place = Path(tempfile.gettempdir(), "gemini-balance-cluster")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    begun = time.monotonic()
    with running_node(place) as running:
        print(f"a node of Kubernetes, ready after {time.monotonic() - begun:.0f} s")
        yield running


@pytest.fixture(scope="session")
def demo(node: Node) -> Demo:
    return apply_demo(node)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if text := table():
        terminalreporter.write_line("\n" + text)
