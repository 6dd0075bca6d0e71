"""Runs the edge: `python -m services.edge`."""

import sys

from services.kit.left_out import leave_out_tools

leave_out_tools()

from services.edge.server import serve  # noqa: E402
from services.edge.settings import EdgeSettings  # noqa: E402
from services.kit.process import run_service  # noqa: E402


def main() -> int:
    """Run until told to stop and return the exit code."""
    return run_service("edge", EdgeSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
