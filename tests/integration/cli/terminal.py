"""A command on a terminal of its own."""

import asyncio
import codecs
import os
import pty
import subprocess
import time
from pathlib import Path

from tests.integration.cli.running import CLEAN, COMMAND, own_ports

CTRL_C = b"\x03"


class Terminal:
    """A command with a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self.shown = ""
        # A read may end within a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.process = subprocess.Popen(
            # Tests that run in the background hand on that Ctrl-C is to be ignored.
            ["env", "--default-signal=INT", "setsid", "--ctty", "--wait", *COMMAND, *arguments],
            cwd=folder,
            env=CLEAN | {"TERM": "xterm"} | (own_ports() if arguments[0] == "up" else {}),
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    async def shows(self, text: str, *, seconds: float = 60) -> None:
        """Return once the text has been shown."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            self._read()
            await asyncio.sleep(0.02)

    async def ended(self, *, seconds: float) -> int:
        """Return the exit code once the command has ended."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.shown
            self._read()
            await asyncio.sleep(0.02)
        self._read()
        os.close(self._master)
        return self.process.wait()

    def _read(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self.shown += self._decoder.decode(data)
        except (BlockingIOError, OSError):
            # Nothing there now, or nobody at the other end any more.
            return
