"""Namespaces of our own for what changes a machine: all of it ends with them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

_TOOLS = {"unshare": "util-linux", "mount": "mount", "ip": "iproute2"}


def enter(module: str, mark: str, tools: Mapping[str, str], *, needs_root: bool = False) -> None:
    """Return inside of the sandbox; outside of it, begin anew there and never return.

    It has a network, mounts and processes of its own; these end with it.

    Args:
        module: What to begin anew with, with the same arguments.
        mark: The name in the environment that tells the inside.
        tools: Programs that are needed there, with the Debian packages they come in.
        needs_root: Whether a user namespace does not give rights enough.
    """
    if os.environ.get(mark):
        # Mounts of the sandbox are seen inside of it, and nowhere else.
        run("mount", "--make-rprivate", "/")
        run("ip", "link", "set", "lo", "up")
        return
    is_root = os.geteuid() == 0
    if needs_root and not is_root:
        sys.exit("this needs the rights of root")
    wanted = {**_TOOLS, **tools}
    missing = {package for tool, package in wanted.items() if not shutil.which(tool)}
    if missing:
        sys.exit(f"this needs: apt-get install {' '.join(sorted(missing))}")
    user = [] if is_root else ["--user", "--map-root-user"]
    command = [
        *("unshare", *user, "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"),
        *(sys.executable, "-m", module, *sys.argv[1:]),
    ]
    os.execvpe(command[0], command, os.environ | {mark: "1"})


def run(*command: str) -> None:
    """Run a command to its end; CalledProcessError when it fails."""
    subprocess.run(command, check=True, capture_output=True)
