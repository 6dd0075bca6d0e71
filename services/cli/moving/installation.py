"""What a gemini-balance installation holds: its settings and its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dotenv import dotenv_values

from services.cli.errors import CommandError


@dataclass(frozen=True, slots=True)
class OldFile:
    """A file that it has uploaded.

    Attributes:
        name: `files/<id>`.
        key: The upstream key that it was uploaded with.
        token: The client's token, empty when that was not noted.
        expire_time: When Google drops it.
        is_usable: Whether it was uploaded to its end, as far as was noted.
    """

    name: str
    key: str = field(repr=False)
    token: str = field(repr=False)
    expire_time: datetime
    is_usable: bool = True


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation, as far as it was read.

    Attributes:
        settings: Values by upper-case name; empty ones are left out.
        files: What it has uploaded.
    """

    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: tuple[OldFile, ...] = ()

    def under(self, other: "Installation") -> "Installation":
        """Return both, where the other one's settings win, as rows win over `.env` there."""
        return Installation({**self.settings, **other.settings}, (*self.files, *other.files))


def read_env(path: Path) -> Installation:
    """Read the `.env` of an installation.

    Raises:
        CommandError: It cannot be read, or sets nothing.
    """
    if not path.is_file():
        raise CommandError(f"{path} is no file", exit_code=2)
    try:
        found = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}", exit_code=2) from error
    settings = named(found)
    if not settings:
        raise CommandError(f"{path} sets nothing", exit_code=2)
    return Installation(settings)


def named(values: Mapping[str, str | None]) -> dict[str, str]:
    """Return settings under their upper-case names, without those that are empty."""
    return {
        name.strip().upper(): value.strip()
        for name, value in values.items()
        if value and value.strip()
    }


def utc(value: object) -> datetime | None:
    """Return a time as a database tells it, None when it is none.

    Args:
        value: A datetime, or text in ISO's form; in UTC where no zone is told.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
