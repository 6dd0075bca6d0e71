"""Running one service alone."""

import importlib


def run_service(name: str) -> int:
    """Run a service until it is stopped, and return its exit code."""
    # Only the service that is asked for is loaded.
    code: int = importlib.import_module(f"services.{name}.__main__").main()
    return code
