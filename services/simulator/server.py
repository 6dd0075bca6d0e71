"""The life of a simulator: listen, serve, stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.kit.http_server import listen, serve_http
from services.kit.logs import get_logger
from services.kit.reloading import Changes
from services.kit.websocket_server import websocket_options
from services.simulator.app import SimulatorApp
from services.simulator.control import SimulatorControl
from services.simulator.settings import SimulatorSettings
from services.simulator.world import World

_log = get_logger(__name__)

_LARGEST_MESSAGE = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulator that runs in this process.

    Attributes:
        url: Where it listens, such as `http://127.0.0.1:8080`.
        control: Steers and questions it over the wire.
        world: Its state, for tests that look inside.
    """

    url: str
    control: SimulatorControl
    world: World


@contextlib.asynccontextmanager
async def running_simulator(settings: SimulatorSettings) -> AsyncIterator[Simulator]:
    """Run a simulator for the length of the block.

    Raises:
        OSError: The port is taken.
    """
    sock = listen(settings.simulator_host, settings.simulator_port)
    host, port = sock.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    world = World(settings)
    served = serve_http(
        SimulatorApp(world),
        sock,
        drain_seconds=settings.drain_seconds,
        **websocket_options(_LARGEST_MESSAGE),
    )
    async with served, SimulatorControl(url) as control:
        yield Simulator(url, control, world)


async def run(
    settings: SimulatorSettings, stop: asyncio.Event, _changes: Changes[SimulatorSettings]
) -> None:
    """Run a simulator until `stop` is set; what it simulates is changed over its control plane."""
    async with running_simulator(settings) as simulator:
        _log.info("simulator is ready", url=simulator.url)
        await stop.wait()
