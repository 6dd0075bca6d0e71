"""A network and a mount namespace of our own, so that nothing outside sees any of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_INSIDE = "HOSTS_SANDBOX"
BRIDGE = "br-hosts"
ADDRESS = "10.77.0.1"
"""Of the machine on which the clients run, and of the name server."""

_TOOLS = {"unshare": "util-linux", "nsenter": "util-linux", "mount": "mount", "ip": "iproute2"}


def enter(module: str) -> None:
    """Return inside of the sandbox; outside of it, begin anew there and never return.

    Processes in it end with it. It needs no rights: a user namespace gives them.
    """
    if os.environ.get(_INSIDE):
        _set_up()
        return
    missing = {package for tool, package in _TOOLS.items() if not shutil.which(tool)}
    if missing:
        sys.exit(f"this needs: apt-get install {' '.join(sorted(missing))}")
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = [
        *("unshare", *user, "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"),
        *(sys.executable, "-m", module, *sys.argv[1:]),
    ]
    os.execvpe(command[0], command, os.environ | {_INSIDE: "1"})


def run(*command: str) -> None:
    """Run a command to its end; CalledProcessError when it fails."""
    subprocess.run(command, check=True, capture_output=True)


def _set_up() -> None:
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "hosts", "/run")
    resolver = Path("/run/resolv.conf")
    resolver.write_text(f"nameserver {ADDRESS}\noptions timeout:1 attempts:5\n")
    run("mount", "--bind", str(resolver), str(Path("/etc/resolv.conf").resolve()))
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "addr", "add", f"{ADDRESS}/16", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
