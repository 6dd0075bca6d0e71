"""Runs the key pool: `python -m services.keypool`."""

import sys

from services.keypool.server import serve
from services.keypool.settings import KeypoolSettings
from services.kit.process import run_service


def main() -> int:
    """Serve until SIGTERM or SIGINT and return the exit code."""
    return run_service("keypool", KeypoolSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
