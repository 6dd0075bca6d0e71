import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future

import httpx
import pytest

from services.simulator.control import SimulatorControl
from services.simulator.server import running_simulator
from services.simulator.settings import SimulatorSettings

ALPHA, ALPHA_TOO, BETA = "key-alpha-1", "key-alpha-2", "key-beta-1"


@pytest.fixture(scope="session")
def shared_url() -> Iterator[str]:
    """Run one simulator for all tests, in a thread with a loop of its own."""
    settings = SimulatorSettings(
        simulator_port=0,
        simulator_keys={ALPHA: "alpha", ALPHA_TOO: "alpha", BETA: "beta"},
        drain_seconds=1,
    )
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        async with running_simulator(settings) as simulator:
            ready.set_result((simulator.url, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    url, loop, stop = ready.result(30)
    yield url
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
async def control(shared_url: str) -> AsyncIterator[SimulatorControl]:
    async with SimulatorControl(shared_url) as opened:
        await opened.reset()
        yield opened


@pytest.fixture
def url(shared_url: str, control: SimulatorControl) -> str:  # it resets
    """Return where a simulator listens to which nothing has happened yet."""
    return shared_url


@pytest.fixture
async def alpha(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(url, ALPHA) as opened:
        yield opened


@pytest.fixture
async def alpha_too(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(url, ALPHA_TOO) as opened:
        yield opened


@pytest.fixture
async def beta(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(url, BETA) as opened:
        yield opened


@pytest.fixture
async def nobody(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(url) as opened:
        yield opened


def client(url: str, key: str = "") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        headers={"x-goog-api-key": key} if key else {},
        trust_env=False,
        # No certificates are needed on the loopback, and loading them takes long.
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        timeout=30,
    )
