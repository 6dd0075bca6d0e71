"""Key pools in processes of their own, at addresses of their own, as pods have them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.cli.probes import http_ready
from tests.support.keypool import CREDENTIALS, ENCRYPTION_KEY
from tests.support.ports import free_port
from tests.support.system import clean_environment

_ROOT = Path(__file__).resolve().parents[2]


def credentials(**secrets: str) -> str:
    """Return `SERVICE_CREDENTIALS` of the tests, with other secrets for some."""
    return json.dumps(
        [
            {"name": name, "secret": secrets.get(name, secret), "scopes": scopes}
            for name, (secret, scopes) in CREDENTIALS.items()
        ]
    )


@dataclass
class KeypoolProcess:
    """One key pool.

    Attributes:
        host: Its address, one of 127.0.0.0/8.
        port: Of its gRPC.
        ops_url: Where its ops port is.
        popen: The process.
        log: Where it writes.
    """

    host: str
    port: int
    ops_url: str
    popen: subprocess.Popen[bytes]
    log: Path

    async def ready(self) -> None:
        """Return once it says that it is ready."""
        await http_ready(self.ops_url)

    async def calls(self) -> float:
        """Return how many calls it has answered."""
        return await self.metric("grpc_server_handled_total")

    async def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        async with httpx.AsyncClient(base_url=self.ops_url, trust_env=False) as client:
            lines = (await client.get("/metrics")).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)


@contextlib.contextmanager
def keypool_process(
    folder: Path, redis_url: str, host: str, port: int, settings: Mapping[str, str] | None = None
) -> Iterator[KeypoolProcess]:
    """Run a key pool for the length of the block; it is ready some time later."""
    ops_port = free_port()
    env = clean_environment(
        REDIS_URL=redis_url,
        ENCRYPTION_KEY=ENCRYPTION_KEY,
        KEYPOOL_LISTEN=f"{host}:{port}",
        OPS_HOST="127.0.0.1",
        OPS_PORT=str(ops_port),
        DRAIN_SECONDS="10",
        LOG_AS_JSON="1",
        **{"SERVICE_CREDENTIALS": credentials(), **(settings or {})},
    )
    log = folder / f"keypool-{host}.log"
    with log.open("wb") as sink:
        popen = subprocess.Popen(
            [sys.executable, "-m", "services.keypool"],
            cwd=folder,
            env=env | {"PYTHONPATH": os.pathsep.join([str(_ROOT), env.get("PYTHONPATH", "")])},
            stderr=sink,
        )
    try:
        yield KeypoolProcess(host, port, f"http://127.0.0.1:{ops_port}", popen, log)
    finally:
        popen.kill()
        popen.wait()
