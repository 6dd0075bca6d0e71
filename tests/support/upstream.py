"""A simulated upstream for key pools that speak to Google themselves."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from services.simulator.server import Simulator, running_simulator
from services.simulator.settings import SimulatorSettings


@contextlib.asynccontextmanager
async def upstream(keys: Mapping[str, str] | None = None) -> AsyncIterator[Simulator]:
    """Run a simulator on a free port.

    Args:
        keys: Its keys and the project of each; without any, every key is good.
    """
    settings = SimulatorSettings(
        _env_file=None, simulator_port=0, simulator_keys=dict(keys or {}), drain_seconds=0
    )
    async with running_simulator(settings) as simulator:
        yield simulator
