"""Each scenario has a cluster of its own."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hosts.cluster import Cluster, running_cluster
from tests.hosts.report import table

if not os.environ.get("HOSTS_SANDBOX"):
    # They need a network of their own: `make e2e`.
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with running_cluster(tmp_path) as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if text := table():
        terminalreporter.write_line("\n" + text)
