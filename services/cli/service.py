"""Running one service alone."""

import os
import sys
from typing import NoReturn


def run_service(name: str) -> NoReturn:
    """Become a service, which runs until it is stopped."""
    # In a program of its own: what commands have loaded would stay in memory for good.
    command = [sys.executable, "-P", "-m", f"services.{name}"]
    os.execv(command[0], command)  # noqa: S606  # no shell is the point
