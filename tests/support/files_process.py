"""Files services in processes of their own, which can be killed and started again."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import httpx

from services.cli.ports import PortChooser
from services.cli.probes import grpc_serves, http_ready
from services.simulator.control import SimulatorControl
from tests.support.files import Files, environment
from tests.support.keypool import Keypool, running_keypool, secrets_of
from tests.support.upstream import upstream
from tests.support.valkey import ValkeyServer, started_valkey

# A killed neighbour is back within a second.
RECONNECT = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]


@dataclass
class FilesProcess:
    """One files service at an address that outlives it."""

    target: str
    ops_port: int
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def ops_url(self) -> str:
        return f"http://127.0.0.1:{self.ops_port}"

    def start(self) -> None:
        """Start it; it is ready some time later."""
        command = [sys.executable, "-m", "services.files"]
        self.process = subprocess.Popen(command, env=os.environ | self.env)

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def terminate(self) -> subprocess.Popen[bytes]:
        """Ask it to end."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process

    async def ready(self) -> None:
        """Return once it serves."""
        await grpc_serves(self.target)
        await http_ready(self.ops_url)

    async def is_ready(self) -> bool:
        """Return whether it says that it is ready."""
        async with httpx.AsyncClient(
            base_url=self.ops_url, trust_env=False, verify=False
        ) as client:
            return (await client.get("/readyz")).status_code == 200

    async def metric(self, name: str) -> float:
        """Return the value of a metric without labels."""
        async with httpx.AsyncClient(
            base_url=self.ops_url, trust_env=False, verify=False
        ) as client:
            text = (await client.get("/metrics")).text
        [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(line.partition(" ")[2])


@contextlib.contextmanager
def files_process(
    redis_url: str, keypool_target: str, base_url: str, **values: Any
) -> Iterator[FilesProcess]:
    """Run a files service in a process for the length of the block."""
    ports = PortChooser()
    listen, ops_port = f"127.0.0.1:{ports.free()}", ports.free()
    env = environment(
        redis_url,
        keypool_target,
        base_url,
        files_listen=listen,
        ops_host="127.0.0.1",
        ops_port=ops_port,
        **values,
    )
    service = FilesProcess(listen, ops_port, env)
    service.start()
    try:
        yield service
    finally:
        service.kill()


@dataclass
class Replicas:
    """Files services in processes of their own, and all that they need.

    Attributes:
        services: The processes.
        files: A way to call each of them.
    """

    services: list[FilesProcess]
    files: list[Files]
    keypool: Keypool
    sim: SimulatorControl
    valkey: ValkeyServer


@contextlib.asynccontextmanager
async def running_replicas(
    folder: Path, count: int = 1, *, keys: int = 3, **values: Any
) -> AsyncIterator[Replicas]:
    """Run files services over a store that survives a kill, for the length of the block."""
    async with contextlib.AsyncExitStack() as stack:
        google = await stack.enter_async_context(upstream())
        sim = await stack.enter_async_context(SimulatorControl(google.url))
        valkey = stack.enter_context(started_valkey(folder))
        keypool = await stack.enter_async_context(running_keypool(valkey.url, base_url=google.url))
        await keypool.add_keys(*secrets_of(keys))
        services = [
            stack.enter_context(files_process(valkey.url, keypool.target, google.url, **values))
            for _ in range(count)
        ]
        channels = [
            await stack.enter_async_context(
                grpc.aio.insecure_channel(service.target, options=RECONNECT)
            )
            for service in services
        ]
        for service in services:
            await service.ready()
        yield Replicas(services, [Files(channel) for channel in channels], keypool, sim, valkey)
