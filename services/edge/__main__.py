"""Runs the edge: `python -m services.edge`."""

import sys

from services.kit.left_out import leave_out_tools

leave_out_tools()

import asyncio  # noqa: E402
import importlib  # noqa: E402
import os  # noqa: E402

from services.edge.settings import EdgeSettings  # noqa: E402
from services.edge.workers.sockets import read_inheritance  # noqa: E402
from services.kit.process import run_service  # noqa: E402
from services.kit.reloading import Changes  # noqa: E402


def main() -> int:
    """Run until told to stop and return the exit code."""
    return run_service("edge", EdgeSettings, serve)


async def serve(
    settings: EdgeSettings, stop: asyncio.Event, changes: Changes[EdgeSettings]
) -> None:
    """Be the edge, one of its workers, or the foreman of several."""
    given = read_inheritance(os.environ)
    # Of the two, only what is needed is loaded: a foreman is half as large as an edge.
    if given is None and settings.edge_workers > 1:
        foreman = importlib.import_module("services.edge.workers.foreman")
        await foreman.run_workers(settings, stop)
        return
    server = importlib.import_module("services.edge.server")
    if given is None:
        await server.serve(settings, stop, changes)
    else:
        await server.serve_as_worker(settings, stop, given, changes)


if __name__ == "__main__":
    sys.exit(main())
