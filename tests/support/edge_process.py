"""Further edges of a running system, in processes of their own that can be killed."""

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from services.cli.probes import http_ready
from services.cli.secrets_store import load_or_create
from tests.support.ports import free_port
from tests.support.system import System, clean_environment


@dataclass
class EdgeProcess:
    """One edge."""

    url: str
    ops_url: str
    popen: subprocess.Popen[bytes]
    log: Path


@contextlib.asynccontextmanager
async def edge_process(system: System, folder: Path, **settings: str) -> AsyncIterator[EdgeProcess]:
    """Run another edge of a system for the length of the block."""
    port, ops_port = free_port(), free_port()
    run = system.run_file
    env = clean_environment(
        HTTP_HOST="127.0.0.1",
        HTTP_PORT=str(port),
        OPS_HOST="127.0.0.1",
        OPS_PORT=str(ops_port),
        KEYPOOL_TARGET=run["keypool_target"],
        FILES_TARGET=run["files_target"],
        SERVICE_CREDENTIAL=load_or_create(system.data_dir).edge,
        BASE_URL=system.simulator_url,
        LOG_LEVEL="DEBUG",
        LOG_AS_JSON="1",
        **settings,
    )
    log = folder / f"edge-{port}.log"
    with log.open("wb") as sink:
        popen = subprocess.Popen([sys.executable, "-m", "services.edge"], env=env, stderr=sink)
    try:
        ops_url = f"http://127.0.0.1:{ops_port}"
        await http_ready(ops_url)
        yield EdgeProcess(f"http://127.0.0.1:{port}", ops_url, popen, log)
    finally:
        popen.kill()
        popen.wait()
