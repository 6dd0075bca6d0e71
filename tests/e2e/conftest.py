"""One running system for all end-to-end tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import openai
import pytest

from tests.support.browser import Browser, running_browser
from tests.support.reference import Engine, in_node
from tests.support.system import Pool, System, running_simulator_process, running_system
from tests.support.two_clients import Two, two_clients


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`gemini-balance up` over the simulator, with logs at DEBUG.

    When the session ends, everything it has logged is searched for secrets.
    """
    folder = tmp_path_factory.mktemp("system")
    with (
        running_simulator_process(folder) as simulator_url,
        running_system(folder, simulator_url) as running,
    ):
        yield running
    written = running.process.output()
    assert '"level": "debug"' in written, "the logs are not those of DEBUG"
    leaked = [secret for secret in running.secrets if secret in written]
    assert not leaked, f"{len(leaked)} of {len(running.secrets)} secrets stand in the logs"


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for tests that start systems of their own."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture
async def pool(system: System) -> Pool:
    """Three keys and a client of theirs."""
    return await system.new_pool(3)


@pytest.fixture
async def sdk(system: System, pool: Pool) -> AsyncIterator[openai.AsyncOpenAI]:
    """OpenAI's SDK as that client."""
    async with openai.AsyncOpenAI(
        api_key=pool.token, base_url=f"{system.url}/v1", max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def two(system: System) -> AsyncIterator[Two]:
    """Two clients of one pool of nine projects."""
    async with two_clients(system) as clients:
        yield clients


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium."""
    with running_browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(params=["node", "chromium"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """What runs JavaScript: Node, then a browser in a page of another origin."""
    if request.param == "node":
        return in_node
    browser: Browser = request.getfixturevalue("browser")
    return browser.run
