"""Runs the key pool: `python -m services.keypool`."""

import sys

from services.kit.left_out import leave_out_tools

leave_out_tools()

from services.keypool.server import serve  # noqa: E402
from services.keypool.settings import KeypoolSettings  # noqa: E402
from services.kit.process import run_service  # noqa: E402


def main() -> int:
    """Serve until SIGTERM or SIGINT and return the exit code."""
    return run_service("keypool", KeypoolSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
