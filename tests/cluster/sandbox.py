"""The machine that is the node: a network and folders of its own."""

import os
from pathlib import Path

from tests.support import sandbox
from tests.support.sandbox import run

_INSIDE = "CLUSTER_SANDBOX"
ADDRESS = "10.99.0.1"
"""Of the node."""

_TOOLS = {
    "iptables": "iptables",
    "conntrack": "conntrack",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}
_PLACES = ("/run", "/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers")


def is_inside() -> bool:
    """Whether this process is in the sandbox already."""
    return bool(os.environ.get(_INSIDE))


def enter(module: str) -> None:
    """Return inside of the sandbox; outside of it, begin anew there and never return."""
    sandbox.enter(module, _INSIDE, _TOOLS, needs_root=True)
    # Containers must see what is mounted for them.
    run("mount", "--make-rshared", "/")
    for place in _PLACES:
        Path(place).mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "cluster", place)
    run("ip", "link", "add", "node0", "type", "veth", "peer", "name", "nowhere")
    run("ip", "link", "set", "nowhere", "up")
    run("ip", "addr", "add", f"{ADDRESS}/24", "dev", "node0")
    run("ip", "link", "set", "node0", "up")
    # Nothing is behind it; addresses of services are looked up before they are rewritten.
    run("ip", "route", "add", "default", "dev", "node0")
    for name in ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables"):
        Path("/proc/sys", name).write_text("1")
