"""Starts the simulator."""

import sys

from services.kit.left_out import leave_out_tools

leave_out_tools()

from services.kit.process import run_service  # noqa: E402
from services.simulator.server import run  # noqa: E402
from services.simulator.settings import SimulatorSettings  # noqa: E402


def main() -> int:
    """Run the simulator until told to stop and return the exit code."""
    return run_service("simulator", SimulatorSettings, run, is_traced=False)


if __name__ == "__main__":
    sys.exit(main())
