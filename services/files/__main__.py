"""Runs the files service: `python -m services.files`."""

import sys

from services.files.server import serve
from services.files.settings import FilesSettings
from services.kit.process import run_service


def main() -> int:
    """Serve until SIGTERM or SIGINT and return the exit code."""
    return run_service("files", FilesSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
