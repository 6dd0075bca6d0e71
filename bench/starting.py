"""Starting programs and waiting until they listen."""

import socket
import time
from contextlib import ExitStack
from pathlib import Path

from tests.support.system import START_SECONDS, Process, clean_environment, running


def start(
    stack: ExitStack, folder: Path, name: str, *command: str, port: int, **env: str
) -> Process:
    """Run a command until the stack ends, and return once it listens.

    Args:
        stack: Ends it.
        folder: Where its log goes.
        name: Of the log.
        command: What to run.
        port: Where it will listen, on 127.0.0.1.
        env: Its environment, on top of a clean one.

    Raises:
        RuntimeError: It ended, or did not listen in time.
    """
    process = stack.enter_context(
        running(*command, log=folder / f"{name}-{port}.log", env=clean_environment(**env))
    )
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.popen.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} does not listen:\n{process.output()}") from None
            time.sleep(0.05)
        else:
            return process
