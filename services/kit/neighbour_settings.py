"""Settings by which services know each other."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from services.kit.credentials import CredentialBook
from services.kit.settings import ServiceSettings
from services.kit.tls import TlsFiles


class TlsSettings(ServiceSettings):
    """The certificate of a service; without one, neighbours speak in plain."""

    tls_cert_file: Path | None = None
    """The certificate that is shown to other services, in PEM; read again when it changes."""

    tls_key_file: Path | None = None
    """Its private key, in PEM."""

    tls_ca_file: Path | None = None
    """The authorities whose certificates other services must show, in PEM."""

    @property
    def tls(self) -> TlsFiles | None:
        """Where the certificate is, None without one."""
        if self.tls_cert_file and self.tls_key_file and self.tls_ca_file:
            return TlsFiles(self.tls_cert_file, self.tls_key_file, self.tls_ca_file)
        return None

    @model_validator(mode="after")
    def _are_three_or_none(self) -> Self:
        given = [self.tls_cert_file, self.tls_key_file, self.tls_ca_file]
        if any(given) and not all(given):
            raise ValueError("TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE belong together")
        return self


class CallerSettings(TlsSettings):
    """What a service needs to call others."""

    LIVE = TlsSettings.LIVE | {"service_credential"}

    service_credential: SecretStr = Field(default=SecretStr(""), validate_default=True)
    """What is presented to other services; may be missing where a certificate says who calls."""

    @field_validator("service_credential")
    @classmethod
    def _says_who_calls(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if not value.get_secret_value() and not info.data.get("tls_cert_file"):
            raise PydanticCustomError("missing", "Field required")
        return value


class CalledSettings(TlsSettings):
    """What a service needs to let others call it."""

    LIVE = TlsSettings.LIVE | {"service_credentials", "service_identities"}

    service_identities: str = ""
    """Who may call by a certificate: a JSON list of `{"name", "san", "scopes": [...]}`, where
    `san` is a name in the certificate, such as `spiffe://gemini-balance/edge`."""

    service_credentials: SecretStr = Field(default=SecretStr(""), validate_default=True)
    """Who may call by a secret: a JSON list of `{"name", "secret", "scopes": [...]}`; may be
    missing where `SERVICE_IDENTITIES` says who may."""

    @field_validator("service_identities")
    @classmethod
    def _are_identities(cls, value: str, info: ValidationInfo) -> str:
        CredentialBook("", value)
        if value and not info.data.get("tls_ca_file"):
            raise ValueError("needs TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE")
        return value

    @field_validator("service_credentials")
    @classmethod
    def _are_credentials(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if not value.get_secret_value() and not info.data.get("service_identities"):
            raise PydanticCustomError("missing", "Field required")
        CredentialBook(value.get_secret_value())
        return value

    @property
    def book(self) -> CredentialBook:
        """Who may call."""
        return CredentialBook(self.service_credentials.get_secret_value(), self.service_identities)
