"""One host: an address of its own, and the one process that runs there."""

import itertools
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.hosts.sandbox import BRIDGE
from tests.support.sandbox import run
from tests.support.system import clean_environment

_numbers = itertools.count(10)


class Host:
    """A network namespace on the bridge, as a pod has one.

    Attributes:
        name: Such as `keypool-2`.
        address: IPv4.
        log: Where its process writes.
        process: The last one that was started.
    """

    def __init__(self, name: str, folder: Path) -> None:
        """Make the host; `close` ends it."""
        number = next(_numbers)
        self.name = name
        self.address = f"10.77.{1 + number // 250}.{number % 250 + 1}"
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._space = f"h{number}"
        run("ip", "netns", "add", self._space)
        run("ip", "link", "add", self._space, "type", "veth", "peer", "eth0", "netns", self._space)
        run("ip", "link", "set", self._space, "master", BRIDGE, "up")
        run("ip", "-n", self._space, "addr", "add", f"{self.address}/16", "dev", "eth0")
        run("ip", "-n", self._space, "link", "set", "eth0", "up")
        run("ip", "-n", self._space, "link", "set", "lo", "up")

    def start(self, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        """Start the host's process."""
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self._space}", *command],
                cwd=folder,
                env=clean_environment(**env),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End its process as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def cut(self) -> None:
        """Pull its cable: what is on the way is lost, and nobody is told."""
        run("ip", "link", "set", self._space, "down")

    def heal(self) -> None:
        """Put the cable back."""
        run("ip", "link", "set", self._space, "up")

    def close(self) -> None:
        """End its process at once, and the host."""
        self.kill()
        run("ip", "netns", "del", self._space)
