"""What scenarios share: the upstream, the yardstick and the product, started when first needed."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from bench.certificate import Certificate, make_certificate
from bench.cores import MEASURED, OTHERS, pin
from bench.load.connection import Address
from bench.processes import family
from bench.starting import start
from bench.target import Target
from tests.support.ports import free_port
from tests.support.system import System, running_system

KEYS = 64
BENCH_CREDENTIAL = "a-credential-of-the-bench-for-the-key-pool"
Result = TypeVar("Result")


def product_settings() -> dict[str, str]:
    """Return what the product is given; all else is as shipped."""
    credential = {"name": "bench", "secret": BENCH_CREDENTIAL, "scopes": ["lease", "act-as"]}
    return {
        "API_KEYS": json.dumps([f"AIzaBench{number:030d}" for number in range(KEYS)]),
        "SERVICE_CREDENTIALS": json.dumps([credential]),
        "LOG_LEVEL": "INFO",
    }


@dataclass
class Stage:
    """Everything that runs during a bench.

    Attributes:
        folder: For data and logs.
        stack: Ends what was started.
        runner: Runs the coroutines of loads, all in one event loop.
        seconds: How long one measurement of a plain load takes.
        warming_up: Whether what is measured now does not count, so that less will do.
        shows_upstream: Whether the upstream itself is measured, too.
        with_peers: Whether other products are measured in the same rounds.
    """

    folder: Path
    stack: ExitStack
    runner: asyncio.Runner
    seconds: float = 2
    warming_up: bool = False
    shows_upstream: bool = True
    with_peers: bool = False
    _upstreams: dict[bool, tuple[str, int]] = field(default_factory=dict)
    _relays: dict[str, Target] = field(default_factory=dict)
    _systems: dict[tuple[tuple[str, str], ...], tuple[System, Target]] = field(default_factory=dict)
    _shared: dict[object, object] = field(default_factory=dict)
    _certificate: Certificate | None = None

    def shared(self, make: Callable[["Stage"], Result]) -> Result:
        """Return what a function makes, made once."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast("Result", self._shared[make])

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end."""
        return self.runner.run(coroutine)

    def upstream(self, *, tls: bool = False) -> str:
        """Return the address of the upstream."""
        if tls not in self._upstreams:
            port = free_port()
            files = [str(self.certificate.file), str(self.certificate.key_file)] if tls else []
            command = (sys.executable, "-m", "bench.upstream", str(port), *files)
            process = start(self.stack, self.folder, "upstream", *command, port=port)
            self._upstreams[tls] = f"http{'s' * tls}://127.0.0.1:{port}", process.popen.pid
        return self._upstreams[tls][0]

    @property
    def certificate(self) -> Certificate:
        """What the upstream shows over TLS, and those who call it trust."""
        if self._certificate is None:
            self._certificate = make_certificate(self.folder)
        return self._certificate

    def direct(self) -> Target:
        """Return the upstream itself, which takes the place of an edge."""
        upstream = self.upstream()
        return Target(Address.of(upstream), {"edge": [self._upstreams[False][1]]}, is_relay=True)

    def relay(self, upstream: str) -> Target:
        """Return the yardstick in front of an upstream."""
        if upstream not in self._relays:
            port = free_port()
            command = (sys.executable, "-m", "bench.yardstick", str(port), upstream)
            trust = self._trust(upstream)
            process = start(self.stack, self.folder, "yardstick", *command, port=port, **trust)
            pin([process.popen.pid], MEASURED)
            self._relays[upstream] = Target(
                Address("127.0.0.1", (port,)), {"edge": [process.popen.pid]}, is_relay=True
            )
        return self._relays[upstream]

    def product(self, upstream: str, **settings: str) -> tuple[System, Target]:
        """Return the whole product in front of an upstream; with other settings, another one."""
        known = (("BASE_URL", upstream), *sorted(settings.items()))
        if known not in self._systems:
            self._systems[known] = self.open_product(self.stack, upstream, **settings)
        return self._systems[known]

    def open_product(
        self, stack: ExitStack, upstream: str, **settings: str
    ) -> tuple[System, Target]:
        """Start a product of its own, which ends with the stack."""
        folder = self.folder / f"product-{free_port()}"
        folder.mkdir()
        given = product_settings() | self._trust(upstream) | settings
        system = stack.enter_context(running_system(folder, upstream, **given))
        processes = family(system.process.popen.pid, "up")
        for name, pids in processes.items():
            pin(pids, MEASURED if name == "edge" else OTHERS)
        token = ("authorization", f"Bearer {system.secrets[1]}")
        target = Target(Address.of(system.url), processes, {"gemini": "", "openai": ""}, (token,))
        return system, target

    def _trust(self, upstream: str) -> dict[str, str]:
        if not upstream.startswith("https"):
            return {}
        return {"SSL_CERT_FILE": str(self.certificate.file)}
