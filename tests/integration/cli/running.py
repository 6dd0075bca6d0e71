"""`gemini-balance` as a user runs it: in a process of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.integration.cli.waiting import is_alive, until
from tests.support.ports import free_port

COMMAND = [sys.executable, "-m", "services.cli.main"]
# A stray setting of whoever runs the tests must not change them.
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if name in {"HOME", "LANG", "PATH", "PYTHONPATH", "TMPDIR"}
}


def own_ports() -> dict[str, str]:
    """Return where `up` listens for services: others of it may start at the same moment."""
    names = ("KEYPOOL_LISTEN", "FILES_LISTEN")
    return {name: f"127.0.0.1:{free_port()}" for name in names}


def run_command(
    folder: Path, *arguments: str, stdin: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=CLEAN | env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Up:
    """A running `up`, stopped at the end of the block."""

    def __init__(self, folder: Path, *options: str, **env: str) -> None:
        self.folder = folder
        self.data_dir = folder / ".data"
        self._options = options
        self._env = own_ports() | env
        self.process: subprocess.Popen[str] | None = None
        self.out = folder / "out.txt"
        self.err = folder / "err.txt"

    async def __aenter__(self) -> Self:
        self.start()
        await self.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.running.poll() is None:
            self.running.terminate()
            await self.ended()

    @property
    def running(self) -> "subprocess.Popen[str]":
        assert self.process is not None
        return self.process

    def start(self) -> None:
        command = [*COMMAND, "up", "--port", "0", "--ops-port", "0", *self._options]
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=CLEAN | self._env, stdout=out, stderr=err, text=True
            )

    async def ready(self) -> None:
        """Return once the first screen is complete."""
        await until(
            lambda: self.running.poll() is not None or "Ctrl-C stops" in self.out.read_text(),
            seconds=60,
        )
        assert self.running.poll() is None, self.err.read_text()

    async def ended(self, *, seconds: float = 12) -> int:
        """Return the exit code once the process has ended."""
        return await asyncio.to_thread(self.running.wait, seconds)

    def send(self, number: signal.Signals) -> None:
        self.running.send_signal(number)

    @property
    def facts(self) -> dict[str, Any]:
        """What `run.json` says."""
        found: dict[str, Any] = json.loads((self.data_dir / "run.json").read_text())
        return found

    @property
    def pids(self) -> dict[str, int]:
        found: dict[str, int] = self.facts["pids"]
        return found

    async def back(self, part: str, old_pid: int) -> None:
        """Return once a part runs as another process."""
        await until(lambda: self.pids.get(part, old_pid) != old_pid, seconds=2)


async def all_gone(pids: dict[str, int], *, seconds: float = 10) -> None:
    """Return once none of the processes runs."""
    await until(lambda: not any(is_alive(pid) for pid in pids.values()), seconds=seconds)
