"""A whole running system for tests: `gemini-balance up` over a simulator, over real sockets.

Tests share one system and keep out of each other's way by pools: each makes its
own keys and its own client token.
"""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
from gemini_balance.keypool.v1 import admin_pb2 as pb
from gemini_balance.keypool.v1 import admin_pb2_grpc

from services.simulator.control import SimulatorControl
from tests.support.ports import free_port

COMMAND = Path(sys.executable).parent / "gemini-balance"
START_SECONDS = 60


def clean_environment(**extra: str) -> dict[str, str]:
    """Return an environment in which no setting of the developer's leaks into a test."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR")
        if name in os.environ
    }
    return kept | extra


@dataclass
class Process:
    """A started command and where it writes."""

    popen: subprocess.Popen[bytes]
    log: Path

    def stop(self, seconds: float = 20) -> int:
        """Ask it to end and return its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(seconds)

    def output(self) -> str:
        """Return what it has written so far."""
        return self.log.read_text("utf-8", "replace")


@contextlib.contextmanager
def running(
    *command: str, log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """Run a command for the length of the block."""
    with log.open("ab") as sink:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(env or clean_environment()),
            start_new_session=True,
        )
    process = Process(popen, log)
    try:
        yield process
    finally:
        try:
            process.stop()
        except subprocess.TimeoutExpired:
            os.killpg(popen.pid, signal.SIGKILL)
            popen.wait()
            raise AssertionError(f"{command} did not end in time:\n{process.output()}") from None


def wait_for_http(url: str, process: Process, seconds: float = START_SECONDS) -> None:
    """Return once an address answers 200.

    Raises:
        AssertionError: It did not in time, or the process ended.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.popen.poll() is not None:
            raise AssertionError(f"ended with {process.popen.returncode}:\n{process.output()}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=2).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer in time:\n{process.output()}")


def wait_for_file(path: Path, seconds: float = START_SECONDS) -> None:
    """Return once a file exists; AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was not written in time"
        time.sleep(0.02)


@contextlib.contextmanager
def running_simulator_process(folder: Path, **settings: str) -> Iterator[str]:
    """Run a simulator and yield its address."""
    port = free_port()
    env = clean_environment(
        SIMULATOR_PORT=str(port), LOG_LEVEL="DEBUG", LOG_AS_JSON="true", **settings
    )
    with running(
        sys.executable, "-m", "services.simulator", log=folder / "simulator.log", env=env
    ) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for_http(f"{url}/livez", process)
        yield url


@dataclass
class Pool:
    """Keys and a client token that one test has for itself."""

    name: str
    token: str
    keys: list[str]
    key_ids: dict[str, str] = field(default_factory=dict)


@dataclass
class System:
    """A running `gemini-balance up`."""

    url: str
    ops_url: str
    simulator_url: str
    data_dir: Path
    process: Process
    secrets: list[str] = field(default_factory=list)

    @property
    def run_file(self) -> dict[str, Any]:
        """What `up` tells other commands."""
        content: dict[str, Any] = json.loads((self.data_dir / "run.json").read_text())
        return content

    def control(self) -> SimulatorControl:
        """Return the simulator's control plane."""
        return SimulatorControl(self.simulator_url)

    def client(self, pool: Pool | None = None, **options: Any) -> httpx.AsyncClient:
        """Return an HTTP client, with a pool's token if one is given."""
        headers = {"authorization": f"Bearer {pool.token}"} if pool else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60, **options)

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator["Admin"]:
        """Open the operator's side of the key pool."""
        run = self.run_file
        async with grpc.aio.insecure_channel(run["keypool_target"]) as channel:
            yield Admin(channel, run["admin_credential"])

    async def new_pool(
        self, keys: int = 3, *, owners: Mapping[str, str] | None = None, proxy: str = ""
    ) -> Pool:
        """Make keys and a client token that uses them.

        Args:
            keys: How many, each of a project of its own.
            owners: Chosen keys instead, and the project of each.
            proxy: The way out of all of them; empty for the direct one.
        """
        name = f"t-{secrets.token_hex(6)}"
        made = list(owners or ()) or [f"AIzaTest{secrets.token_hex(16)}" for _ in range(keys)]
        async with self.admin() as admin:
            created = await admin.call(
                "CreateKeys",
                pb.CreateKeysRequest(
                    keys=[
                        pb.NewKey(
                            secret=key, project_id=(owners or {}).get(key, ""), proxy_url=proxy
                        )
                        for key in made
                    ],
                    pool=name,
                ),
            )
            token = await admin.call("CreateToken", pb.CreateTokenRequest(name=name, pool=name))
        ids = {key: row.key.key_id for key, row in zip(made, created.results, strict=True)}
        self.secrets += [*made, token.secret]
        return Pool(name, token.secret, made, ids)

    async def keys_of(self, pool: Pool) -> dict[str, pb.Key]:
        """Return the pool's keys by their secrets."""
        async with self.admin() as admin:
            listed = await admin.call(
                "ListKeys", pb.ListKeysRequest(pool=pool.name, page_size=1000)
            )
        by_id = {key.key_id: key for key in listed.keys}
        return {secret: by_id[key_id] for secret, key_id in pool.key_ids.items()}


class Admin:
    """Calls of KeyAdminService."""

    def __init__(self, channel: grpc.aio.Channel, credential: str) -> None:
        """Take a channel and what to present on it."""
        self.channel = channel
        self._stub: Any = admin_pb2_grpc.KeyAdminServiceStub(channel)
        self.metadata = (("authorization", f"Bearer {credential}"),)

    async def call(self, name: str, request: Any) -> Any:
        """Make a call by its name."""
        # A key pool that a test has just killed is back by then.
        return await getattr(self._stub, name)(
            request, timeout=10, metadata=self.metadata, wait_for_ready=True
        )


@contextlib.contextmanager
def running_system(folder: Path, base_url: str, **settings: str) -> Iterator[System]:
    """Run `gemini-balance up` against an upstream for the length of the block."""
    port, ops_port = free_port(), free_port()
    data_dir = folder / "data"
    seed_key, seed_token = f"AIzaSeed{secrets.token_hex(16)}", f"sk-{secrets.token_hex(16)}"
    base = {
        "API_KEYS": json.dumps([seed_key]),
        "ALLOWED_TOKENS": json.dumps([seed_token]),
        "BASE_URL": base_url,
        # The usual ports may be taken by another system on this machine, even for a moment.
        "KEYPOOL_LISTEN": f"127.0.0.1:{free_port()}",
        "FILES_LISTEN": f"127.0.0.1:{free_port()}",
        "LOG_LEVEL": "DEBUG",
        "LOG_AS_JSON": "true",
    }
    env = clean_environment(**(base | settings))
    command = [str(COMMAND), "up", "--port", str(port), "--ops-port", str(ops_port)]
    with running(
        *command, "--data-dir", str(data_dir), log=folder / "up.log", cwd=folder, env=env
    ) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for_http(f"{url}/readyz", process)
        # Written last of all: whoever reads it finds everything running.
        wait_for_file(data_dir / "run.json")
        yield System(
            url,
            f"http://127.0.0.1:{ops_port}",
            base_url,
            data_dir,
            process,
            [seed_key, seed_token],
        )


@contextlib.asynccontextmanager
async def system_beside(folder: Path, base_url: str, **settings: str) -> AsyncIterator[System]:
    """Run a system while this event loop goes on, for instance as its upstream."""
    folder.mkdir(parents=True, exist_ok=True)
    context = running_system(folder, base_url, **settings)
    system = await asyncio.to_thread(context.__enter__)
    try:
        yield system
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
