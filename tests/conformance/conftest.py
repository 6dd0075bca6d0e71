"""One running system for all clients."""

from collections.abc import Iterator

import pytest

from tests.support.system import System, running_simulator_process, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`gemini-balance up` over the simulator."""
    folder = tmp_path_factory.mktemp("conformance")
    with (
        running_simulator_process(folder) as simulator_url,
        running_system(folder, simulator_url) as running,
    ):
        yield running
