"""Runs the edge: `python -m services.edge`."""

import sys

from services.edge.server import serve
from services.edge.settings import EdgeSettings
from services.kit.process import run_service


def main() -> int:
    """Run until told to stop and return the exit code."""
    return run_service("edge", EdgeSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
