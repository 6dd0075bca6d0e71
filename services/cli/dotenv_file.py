"""The settings that the operator gave: the environment, and `.env` below it."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from services.cli.errors import BadSettingError, CommandError

# Settings that name a file which is no secret.
_PATHS = frozenset({"QUOTA_FILE", "SETTINGS_FILE"})


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """What was given. Empty values count as not given.

    Attributes:
        values: By upper-case name; the environment wins over `.env`.
        dotenv_names: The names that stand in `.env`.
        emptied: Names that were given an empty value, and no other one.
    """

    values: Mapping[str, str] = field(repr=False)
    dotenv_names: frozenset[str]
    emptied: frozenset[str] = frozenset()

    def get(self, name: str) -> str | None:
        """Return a setting's value, read from its file when NAME_FILE is given.

        Raises:
            BadSettingError: The file cannot be read.
        """
        if path := self.values.get(f"{name}_FILE"):
            try:
                return Path(path).read_text("utf-8").strip() or None
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or error
                raise BadSettingError(f"{name}_FILE", f"{reason}: {path}") from error
        return self.values.get(name)

    def subset(self, names: Iterable[str]) -> dict[str, str]:
        """Return what was given for these names, each as NAME or as NAME_FILE."""
        chosen: dict[str, str] = {}
        for name in names:
            if path := self.values.get(f"{name}_FILE"):
                # The parts run in another folder.
                chosen[f"{name}_FILE"] = str(Path(path).absolute())
            elif value := self.values.get(name):
                chosen[name] = str(Path(value).absolute()) if name in _PATHS else value
        return chosen


def read_given(folder: Path, environ: Mapping[str, str] = os.environ) -> GivenSettings:
    """Read the environment and the `.env` of a folder.

    Raises:
        CommandError: `.env` is there but cannot be read.
    """
    path = folder / ".env"
    found: Mapping[str, str | None] = {}
    if path.is_file():
        try:
            found = dotenv_values(path)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}", exit_code=2) from error
    dotenv = _present(found)
    values = {**dotenv, **_present(environ)}
    emptied = {name.upper() for source in (found, environ) for name in source} - set(values)
    return GivenSettings(values, frozenset(dotenv), frozenset(emptied))


def _present(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value for name, value in values.items() if value}
