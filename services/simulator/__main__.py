"""Starts the simulator."""

import sys

from services.kit.process import run_service
from services.simulator.server import run
from services.simulator.settings import SimulatorSettings


def main() -> int:
    """Run the simulator until told to stop and return the exit code."""
    return run_service("simulator", SimulatorSettings, run, is_traced=False)


if __name__ == "__main__":
    sys.exit(main())
