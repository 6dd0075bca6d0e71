"""What `up` itself decides, out of options, the environment and `.env`."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from services.cli.data_dir import DEFAULT_DATA_DIR
from services.cli.dotenv_file import GivenSettings
from services.cli.errors import BAD_SETTINGS, CommandError
from services.kit.credentials import CredentialBook
from services.kit.settings import LogLevel, explain_validation_error


class UpSettings(BaseModel):
    """The settings that shape the tree of processes."""

    model_config = ConfigDict(frozen=True)

    http_host: str = "127.0.0.1"
    """Address of the public port. Other machines reach it only when this is set."""

    http_port: int = Field(default=8000, ge=0, le=65535)
    """The public port; 0 takes any free one."""

    ops_host: str = "127.0.0.1"
    """Address of the edge's ops port."""

    ops_port: int | None = Field(default=None, ge=0, le=65535)
    """The edge's ops port; unset means 9090 when free, else any free one."""

    data_dir: Path = DEFAULT_DATA_DIR
    """What must survive a restart."""

    keypool_listen: str | None = Field(default=None, pattern=r"^.+:[0-9]{1,5}$")
    """gRPC address of the key pool; unset means 127.0.0.1 and 50051 when free."""

    files_listen: str | None = Field(default=None, pattern=r"^.+:[0-9]{1,5}$")
    """gRPC address of the files service; unset means 127.0.0.1 and 50052 when free."""

    log_level: LogLevel | None = None
    """Lowest level of log lines; unset means WARNING on a terminal, else INFO."""

    drain_seconds: float | None = Field(default=None, ge=0)
    """How long open requests may go on once told to stop; unset means 3."""

    service_credentials: list[dict[str, Any]] = Field(default=[], repr=False)
    """Credentials of other callers of the gRPC services, on top of our own."""

    @field_validator("service_credentials", mode="before")
    @classmethod
    def _is_credential_list(cls, value: str) -> list[dict[str, Any]]:
        CredentialBook(value)
        rows: list[dict[str, Any]] = json.loads(value)
        return rows


def read_up_settings(
    given: GivenSettings, *, http_port: int | None, ops_port: int | None, data_dir: Path | None
) -> UpSettings:
    """Return the settings of `up`; options win over what was given otherwise.

    Raises:
        CommandError: A value cannot be used; exit code 2.
    """
    values: dict[str, Any] = {}
    for name in UpSettings.model_fields:
        if value := given.get(name.upper()):
            values[name] = value
    options = {"http_port": http_port, "ops_port": ops_port, "data_dir": data_dir}
    values |= {name: value for name, value in options.items() if value is not None}
    try:
        return UpSettings(**values)
    except ValidationError as error:
        problems = "; ".join(explain_validation_error(error))
        raise CommandError(problems, exit_code=BAD_SETTINGS) from error
