"""One supervised process: started, started again when it ends, stopped."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.cli import leash
from services.cli.errors import CommandError
from services.kit.logs import get_logger

log = get_logger(__name__)

_LEASH = (sys.executable, "-I", "-S", str(Path(leash.__file__).resolve()))


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run.

    Attributes:
        name: For people.
        command: Absolute path of the program, and its arguments.
        env: Its whole environment.
        probe: Returns once the part can be used; cancelled when the part ends before.
        cwd: Where it runs.
        stop_seconds: How long it may take to end before it is killed.
        start_seconds: How long it may take to be ready at the first start.
        pass_fds: Descriptors that it inherits.
        log_file: Where it says what went wrong, when not on standard error.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    probe: Callable[[], Awaitable[None]]
    cwd: Path
    stop_seconds: float
    start_seconds: float = 30
    pass_fds: tuple[int, ...] = ()
    log_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before starting a part again, in seconds.

    Attributes:
        first: After the first end.
        longest: After many ends in a row.
        forgiven_after: A part that ran so long begins anew.
    """

    first: float = 0.05
    longest: float = 5
    forgiven_after: float = 30

    def delay(self, failures: int) -> float:
        """Return the wait after so many ends in a row, the first being 0."""
        if failures == 0:
            return self.first
        return float(min(0.25 * 2 ** min(failures, 10), self.longest))


class ChildStartError(CommandError):
    """A part did not come up.

    Attributes:
        status: Its exit status, negative for a signal, None when it hung.
    """

    def __init__(self, message: str, status: int | None) -> None:
        """Say which part and why."""
        super().__init__(message)
        self.status = status


class Child:
    """A process that is kept running until it is told to stop."""

    def __init__(self, spec: ChildSpec, backoff: Backoff, on_change: Callable[[], None]) -> None:
        """Prepare; nothing runs yet.

        Args:
            spec: What to run.
            backoff: The pace of restarts.
            on_change: Called each time that the process is another one.
        """
        self.spec = spec
        self._backoff = backoff
        self._on_change = on_change
        self._process: Process | None = None
        self._status: int | None = None
        self._proven = False
        self._stopping = asyncio.Event()
        self._killing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None while nothing runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Start the process and return once it is ready.

        Raises:
            ChildStartError: It ended, or was not ready in time.
        """
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.spec.name}")
        probe = asyncio.ensure_future(self.spec.probe())
        try:
            await asyncio.wait(
                {probe, self._task},
                timeout=self.spec.start_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if self._task.done():
                self._task.result()
                reason = describe_status(self._status)
                see = f"; see {self.spec.log_file}" if self.spec.log_file else ""
                raise ChildStartError(
                    f"{self.spec.name} did not start: {reason}{see}", self._status
                )
            if not probe.done():
                raise ChildStartError(
                    f"{self.spec.name} was not ready after {self.spec.start_seconds:g} s", None
                )
            probe.result()
            self._proven = True
        finally:
            probe.cancel()

    async def stop(self) -> None:
        """End the process and return once it is gone. May be called twice."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    def kill(self) -> None:
        """End the process at once; `stop` still waits for it."""
        self._killing = True
        self._stopping.set()
        if self._process is not None:
            _signal(self._process, signal.SIGKILL)

    async def _keep(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            await self._run_once()
            if self._stopping.is_set() or not self._proven:
                return
            if time.monotonic() - begun >= self._backoff.forgiven_after:
                failures = 0
            log.warning(
                "part ended, starting it again",
                part=self.spec.name,
                status=describe_status(self._status),
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._backoff.delay(failures)):
                    await self._stopping.wait()
            failures += 1

    async def _run_once(self) -> None:
        """Run the process until it ends or is stopped, and keep its status."""
        try:
            process = await self._spawn()
        except OSError as error:
            log.warning("part cannot be started", part=self.spec.name, error=str(error))
            self._status = None
            return
        self._process = process
        self._on_change()
        ended = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await self._end(process, ended)
            self._status = ended.result()
        finally:
            stopped.cancel()

    async def _spawn(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *_LEASH,
            str(os.getpid()),
            *self.spec.command,
            env=dict(self.spec.env),
            cwd=self.spec.cwd,
            stdin=DEVNULL,
            # Standard output is for what the operator asked for.
            stdout=sys.stderr.fileno(),
            pass_fds=self.spec.pass_fds,
            # The terminal's Ctrl-C must reach the supervisor alone.
            start_new_session=True,
        )

    async def _end(self, process: Process, ended: "asyncio.Future[int]") -> None:
        _signal(process, signal.SIGKILL if self._killing else signal.SIGTERM)
        await asyncio.wait({ended}, timeout=self.spec.stop_seconds)
        if not ended.done():
            log.warning("part does not end, killing it", part=self.spec.name)
            _signal(process, signal.SIGKILL)
            await ended


def describe_status(status: int | None) -> str:
    """Say in words how a process ended."""
    if status is None:
        return "it could not be run"
    if status < 0:
        return f"ended by signal {-status} ({signal.strsignal(-status)})"
    return f"exit code {status}"


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
