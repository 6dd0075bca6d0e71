"""Runs the files service: `python -m services.files`."""

import sys

from services.kit.left_out import leave_out_tools

leave_out_tools()

from services.files.server import serve  # noqa: E402
from services.files.settings import FilesSettings  # noqa: E402
from services.kit.process import run_service  # noqa: E402


def main() -> int:
    """Serve until SIGTERM or SIGINT and return the exit code."""
    return run_service("files", FilesSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
