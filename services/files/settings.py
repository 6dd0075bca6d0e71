"""What the files service is told by its environment."""

from pydantic import SecretStr, field_validator

from services.kit.credentials import CredentialBook
from services.kit.redis_url import RedisUrl
from services.kit.settings import ServiceSettings


class FilesSettings(ServiceSettings):
    """Settings of the files service."""

    files_listen: str = "0.0.0.0:50052"
    """Address of the gRPC port; port 0 takes any free one."""

    redis_url: RedisUrl
    """The store of sessions and records, such as `redis://:password@host:6379/0`."""

    service_credentials: SecretStr
    """Who may call: a JSON list of `{"name", "secret", "scopes": [...]}`."""

    @field_validator("service_credentials")
    @classmethod
    def _is_credential_book(cls, value: SecretStr) -> SecretStr:
        CredentialBook.parse(value.get_secret_value())
        return value
