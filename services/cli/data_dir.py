"""The folder that holds what must survive a restart, used by one `up` at a time."""

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.cli.errors import CommandError

DEFAULT_DATA_DIR = Path(".data")


class DataDirError(CommandError):
    """The data folder cannot be used."""


class DataDirInUseError(DataDirError):
    """Another `up` works in this data folder."""


def prepare(path: Path) -> Path:
    """Make the folder, closed to other users, and return its absolute path.

    Raises:
        DataDirError: It cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        return path.resolve(strict=True)
    except OSError as error:
        raise DataDirError(
            f"the data folder {path} cannot be used: {error.strerror or error}"
        ) from error


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the folder for the length of the block.

    Raises:
        DataDirInUseError: Another process holds it.
    """
    descriptor = _open_lock(path / "up.lock")
    try:
        # Long enough to outlast another command that only looks, see `is_locked`.
        if not _take(descriptor, timeout_seconds=0.2):
            raise DataDirInUseError(
                f"another `gemini-balance up` runs in {path}; stop it, or choose another --data-dir"
            )
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Return whether an `up` works in the folder now."""
    descriptor = _open_lock(path / "up.lock")
    try:
        return not _take(descriptor, timeout_seconds=0)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def parts_lock(path: Path, *, timeout_seconds: float) -> Iterator[int]:
    """Hold what the parts work on and yield the descriptor that they inherit.

    The lock lasts until the last part has ended, even when `up` was killed before
    it: two stores never write the same files, and ports are free again.

    Raises:
        DataDirInUseError: Parts of an earlier `up` have not ended in time.
    """
    descriptor = _open_lock(path / "parts.lock")
    try:
        if not _take(descriptor, timeout_seconds=timeout_seconds):
            raise DataDirInUseError(
                f"parts of an earlier `gemini-balance up` still run in {path}; stop them first"
            )
        yield descriptor
    finally:
        os.close(descriptor)


def write_private_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file at once and durably; only its owner may read it."""
    descriptor, scratch = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """Return what `write_private_json` wrote, None when there is no such file.

    Raises:
        DataDirError: The file is damaged or cannot be read.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataDirError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise DataDirError(f"{path} is damaged: restore it, or move it away") from error
    if not isinstance(content, dict):
        raise DataDirError(f"{path} is damaged: restore it, or move it away")
    return content


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataDirError(f"{path} cannot be opened: {error.strerror or error}") from error


def _take(descriptor: int, *, timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
