"""Typed settings from the environment, from `.env` and from files with secrets."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from services.kit.demo_secrets import find_demo_secret, is_simulator


def _split(value: Any) -> Any:
    """Read a list as JSON when it looks so, else as comma separated text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        return json.loads(text)
    return [part.strip() for part in text.split(",") if part.strip()]


TextList = Annotated[list[str], NoDecode, BeforeValidator(_split)]
"""A list of texts, given as JSON (`["a", "b"]`) or comma separated (`a,b`)."""


def read_json(value: Any) -> Any:
    """Return what JSON text says; a value that is no text is as it is.

    Raises:
        ValueError: It is no JSON.
    """
    return json.loads(value) if isinstance(value, str) else value


def root_address(value: str) -> str:
    """Return an http or https address without a slash at its end.

    Raises:
        ValueError: It is none, or holds more than an address.
    """
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https address")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must hold no query, fragment or credential")
    return value.rstrip("/")


def _upstream_root(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # Some installations write it as a JSON list of one.
    if value.startswith("[") and len(listed := json.loads(value)) == 1:
        value = str(listed[0])
    return re.sub(r"/(v1|v1beta|v1alpha)$", "", root_address(value))


UpstreamUrl = Annotated[str, BeforeValidator(_upstream_root)]
"""Where Google's API is, given with or without its `/v1beta`."""


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
]
"""The lowest level of log lines, in any case of letters."""


_SETTINGS_FILE = "SETTINGS_FILE"


class ServiceSettings(BaseSettings):
    """What every service understands. Names are those of environment variables."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    LIVE: ClassVar[frozenset[str]] = frozenset({"log_level"})
    """The settings that may change while the service runs."""

    settings_file: Path | None = None
    """A file of settings in the form of `.env`, below the environment and above `.env`; looked at
    again every second, as the files of secrets are."""

    log_level: LogLevel = "INFO"
    """Lowest level of log lines: DEBUG, INFO, WARNING, ERROR or CRITICAL."""

    log_as_json: bool | None = None
    """JSON log lines; by default unless stderr is a terminal."""

    ops_host: str = "0.0.0.0"  # noqa: S104  # probes and scrapers come from outside the pod
    """Address of the ops port."""

    ops_port: int = 9090
    """Port of /livez, /readyz and /metrics."""

    drain_seconds: float = 300
    """How long open calls may go on after SIGTERM."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then NAME_FILE, the environment, SETTINGS_FILE, and `.env`."""
        return (
            init_settings,
            _SecretFiles(settings_cls),
            env_settings,
            *_settings_file(settings_cls),
            dotenv_settings,
        )

    @classmethod
    def files_read(cls) -> list[Path]:
        """Return the files that the environment names for settings."""
        names = [f"{name.upper()}_FILE" for name in cls.model_fields]
        paths = [os.environ.get(name) for name in (*names, _SETTINGS_FILE)]
        return [Path(path) for path in paths if path]

    @model_validator(mode="after")
    def _keeps_demo_secrets_in_the_demo(self) -> Self:
        upstream = getattr(self, "base_url", None)
        if upstream is None or is_simulator(upstream):
            return self
        if name := find_demo_secret(dict(self)):
            raise ValueError(
                f"{name.upper()} holds a secret of the demo, which everybody knows:"
                " it is accepted only with the simulator as BASE_URL"
            )
        return self


def _settings_file(settings_cls: type[BaseSettings]) -> Iterator[PydanticBaseSettingsSource]:
    if path := os.environ.get(_SETTINGS_FILE):
        try:
            Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            # The source itself takes a missing file for an empty one.
            raise SecretFileError("SETTINGS", error, path) from None
        yield DotEnvSettingsSource(settings_cls, env_file=path)


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads the value of NAME from the file that NAME_FILE names; an empty file sets nothing."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text("utf-8").strip() or None, field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise SecretFileError(field_name.upper(), error, path) from None

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                values[key] = value
        return values


class UnusableSettingError(Exception):
    """A setting says something that can be, but does not work here."""

    def __init__(self, name: str, problem: str) -> None:
        """Name the setting and what is wrong, without a secret."""
        super().__init__(f"{name}: {problem}")


class SecretFileError(OSError):
    """A file named by NAME_FILE cannot be read."""

    def __init__(self, name: str, cause: OSError | UnicodeDecodeError, path: str) -> None:
        """Name the setting and the cause, without anything of what the file holds."""
        reason = cause.strerror if isinstance(cause, OSError) else "is no text in UTF-8"
        super().__init__(f"{name}_FILE: {reason}: {path}")


def explain_validation_error(error: ValidationError) -> Iterator[str]:
    """Yield one line for each bad setting, without its value: it may be a secret."""
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"]).upper() or "settings"
        if problem["type"] == "missing":
            yield f"{name} is not set"
        else:
            yield f"{name}: {problem['msg']}"
