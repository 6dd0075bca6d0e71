"""The network on which the hosts are, with names of its own."""

from pathlib import Path

from tests.support import sandbox
from tests.support.sandbox import run

INSIDE = "HOSTS_SANDBOX"
BRIDGE = "br-hosts"
ADDRESS = "10.77.0.1"
"""Of the machine on which the clients run, and of the name server."""


def enter(module: str) -> None:
    """Return inside of the sandbox; outside of it, begin anew there and never return."""
    sandbox.enter(module, INSIDE, {"nsenter": "util-linux"})
    run("mount", "-t", "tmpfs", "hosts", "/run")
    resolver = Path("/run/resolv.conf")
    resolver.write_text(f"nameserver {ADDRESS}\noptions timeout:1 attempts:5\n")
    run("mount", "--bind", str(resolver), str(Path("/etc/resolv.conf").resolve()))
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "addr", "add", f"{ADDRESS}/16", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
