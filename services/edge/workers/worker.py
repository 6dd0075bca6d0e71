"""One worker: a process of its own, started again whenever it ends."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable

from services.edge.workers.asking import ask
from services.edge.workers.sockets import Inheritance
from services.kit.http_server import listen
from services.kit.logs import get_logger

log = get_logger(__name__)

_COMMAND = (sys.executable, "-P", "-m", "services.edge")
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
_FORGIVEN_AFTER = 30.0
_LOOK_SECONDS = 0.1


class WorkerStartError(OSError):
    """A worker ended before it was ready for the first time."""


class Worker:
    """A place for a worker, and the process that fills it.

    Its public socket is kept here too: connections that come between two processes wait for the
    next one. Where that takes long, because processes keep ending, the socket is closed, and the
    system gives new connections to the other workers.

    Attributes:
        number: From 1 on.
        ops_port: Where the process tells how it is, on this machine alone.
        has_started: Whether a process was ever ready.
    """

    def __init__(
        self, number: int, open_public: Callable[[], socket.socket], on_end: Callable[[int], None]
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            number: From 1 on.
            open_public: Opens another socket of the public port.
            on_end: Told that the process has ended.
        """
        self.number = number
        self._open_public = open_public
        self._on_end = on_end
        self._public: socket.socket | None = open_public()
        self._ops = listen("127.0.0.1", 0)
        self.ops_port: int = self._ops.getsockname()[1]
        self.has_started = False
        self._is_stopping = False
        self._process: Process | None = None

    async def keep(self, life: int) -> None:
        """Run processes until `stop`.

        Args:
            life: See `Inheritance`.

        Raises:
            WorkerStartError: The first one could not start.
        """
        failures = 0
        while not self._is_stopping:
            begun = time.monotonic()
            process = await self._spawn(life)
            looking = asyncio.create_task(self._note_start())
            status = await process.wait()
            looking.cancel()
            self._on_end(self.number)
            if self._is_stopping:
                return
            if not self.has_started:
                raise WorkerStartError(f"worker {self.number} did not start: status {status}")
            log.warning("worker ended, starting it again", worker=self.number, status=status)
            failures = 0 if time.monotonic() - begun >= _FORGIVEN_AFTER else failures + 1
            if failures > 1:
                self._close_public()
            await asyncio.sleep(min(_FIRST_PAUSE * 4 ** max(0, failures - 1), _LONGEST_PAUSE))

    def stop(self) -> None:
        """Tell the process to drain; no connection waits for another one."""
        self._is_stopping = True
        self._close_public()
        self._ops.close()
        self._signal(signal.SIGTERM)

    def reload(self) -> None:
        """Tell the process to read its settings again."""
        self._signal(signal.SIGHUP)

    def kill(self) -> None:
        """End the process at once."""
        self._is_stopping = True
        self._signal(signal.SIGKILL)

    async def _spawn(self, life: int) -> Process:
        if self._public is None:
            self._public = self._open_public()
        given = Inheritance(self._public.fileno(), self._ops.fileno(), life)
        self._process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            env={**os.environ, **given.as_environment()},
            pass_fds=given.all,
            stdin=DEVNULL,
            # The terminal's Ctrl-C reaches the foreman alone.
            start_new_session=True,
        )
        if self._is_stopping:
            # It was told to while the process was made.
            self._signal(signal.SIGTERM)
        return self._process

    async def _note_start(self) -> None:
        while not self.has_started:
            status, _ = await ask(self.ops_port, "/readyz")
            self.has_started = status == 200
            await asyncio.sleep(_LOOK_SECONDS)

    def _close_public(self) -> None:
        if self._public is not None:
            self._public.close()
            self._public = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
