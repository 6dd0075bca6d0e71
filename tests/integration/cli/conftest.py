"""One running system that the tests of operators' commands share."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from tests.integration.cli.running import Up


@pytest.fixture(scope="package")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running demo. Its default pool holds what other tests have left there."""
    running = Up(tmp_path_factory.mktemp("up"))
    running.start()
    try:
        asyncio.run(running.ready())
        yield running
    finally:
        running.send(signal.SIGTERM)
        running.running.wait(12)
