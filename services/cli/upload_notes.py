"""What is remembered of unfinished uploads, so that the same command goes on with them."""

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path

from services.cli import data_dir
from services.cli.data_dir import DataDirError
from services.cli.errors import CommandError

_FOLDER = "uploads"
# Google keeps no session longer.
_KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class UploadKey:
    """What makes two uploads the same.

    Attributes:
        path: The file, as an absolute path.
        size_bytes: Its size.
        mtime_ns: When it was last written.
        url: The public API that it goes to.
        token: For whom.
        display_name: As what.
        mime_type: As what.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    url: str
    token: str = field(repr=False)
    display_name: str
    mime_type: str

    @property
    def digest(self) -> str:
        """A name for it that tells nothing."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()


class UploadNote:
    """What is known of one upload: where its bytes go, once that was told."""

    def __init__(self, descriptor: int) -> None:
        """Take the open file of the note."""
        self._descriptor = descriptor
        self.upload_url = self._read()

    def remember(self, upload_url: str) -> None:
        """Keep where the bytes go; who knows it may write there."""
        self._write(json.dumps({"upload_url": upload_url}).encode())
        self.upload_url = upload_url

    def forget(self) -> None:
        """Drop what was remembered."""
        self._write(b"")
        self.upload_url = ""

    def _read(self) -> str:
        try:
            found = json.loads(os.pread(self._descriptor, 65536, 0))["upload_url"]
        except (ValueError, KeyError, TypeError):
            # New, or cut short by a full disk: begin anew.
            return ""
        return found if isinstance(found, str) else ""

    def _write(self, content: bytes) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, content, 0)
        os.fsync(self._descriptor)


@contextlib.contextmanager
def held_note(folder: Path, key: UploadKey) -> Iterator[UploadNote]:
    """Hold the note of an upload for the length of the block; what is left empty is removed.

    Raises:
        CommandError: Another command holds it, or the data folder cannot be used.
    """
    shelf = data_dir.prepare(data_dir.prepare(folder) / _FOLDER)
    _drop_old(shelf)
    path = shelf / f"{key.digest}.json"
    descriptor = _open_held(path, key)
    note = UploadNote(descriptor)
    try:
        yield note
    finally:
        if not note.upload_url:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _open_held(path: Path, key: UploadKey) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirError(f"{path} cannot be opened: {error.strerror or error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise CommandError(f"another command uploads {key.path} now") from None
        if os.fstat(descriptor).st_nlink:
            return descriptor
        # Whoever held it before has removed it meanwhile.
        os.close(descriptor)


def _drop_old(shelf: Path) -> None:
    oldest = time.time() - _KEPT_SECONDS
    for path in shelf.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
