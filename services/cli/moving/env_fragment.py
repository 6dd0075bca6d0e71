"""Settings as lines of `.env`."""

import os
from collections.abc import Mapping
from pathlib import Path

from services.cli.errors import CommandError

_HEADING = """\
# Settings taken from gemini-balance. Keys and tokens are in the key pool and not in here.
"""


def to_lines(settings: Mapping[str, str]) -> str:
    """Return settings as text that readers of `.env` read back as they are."""
    lines = [f"{name}={_quoted(value)}\n" for name, value in sorted(settings.items())]
    return _HEADING + "".join(lines)


def write_new(path: Path, settings: Mapping[str, str]) -> None:
    """Write settings to a new file that only its owner can read.

    Raises:
        CommandError: There is such a file, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(to_lines(settings))
    except FileExistsError:
        raise CommandError(f"{path} is there already; name another file with --env-out") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror or error}") from error


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
