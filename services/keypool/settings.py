"""What the key pool is told by its environment."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from services.keypool.catalog import NewKey
from services.keypool.filing import read_quota_file
from services.keypool.model import DEFAULT_POOL, PAID_POOL, VERTEX_POOL
from services.keypool.names import PROXY_EXAMPLE, is_model, is_project_id, is_proxy, is_secret
from services.keypool.quota_settings import QuotaFileError
from services.keypool.seeding import Seed
from services.keypool.tokens import NewToken
from services.kit.neighbour_settings import CalledSettings
from services.kit.redis_url import RedisUrl
from services.kit.settings import VERTEX_URL, UpstreamUrl, VertexUrl
from services.kit.vault import SHORTEST_TEXT


class SeedKey(BaseModel):
    """One entry of `API_KEYS`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: SecretStr
    project: str = ""
    note: str = Field("", max_length=512)
    tags: tuple[str, ...] = ()
    proxy: SecretStr | None = None
    weight: int = Field(1, ge=1, le=1_000)
    max_in_flight: int = Field(0, ge=0, le=100_000)
    priority: int = Field(0, ge=-1_000, le=1_000)

    @field_validator("proxy")
    @classmethod
    def _is_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_proxy(value.get_secret_value()):
            raise ValueError(f"must be a URL such as {PROXY_EXAMPLE}")
        return value

    @field_validator("key")
    @classmethod
    def _is_sendable(cls, value: SecretStr) -> SecretStr:
        if not is_secret(value.get_secret_value()):
            raise ValueError("must be 8 to 512 printable characters without spaces")
        return value

    @field_validator("project")
    @classmethod
    def _is_project(cls, value: str) -> str:
        if value and not is_project_id(value):
            raise ValueError("must be 1 to 128 of the characters A-Z a-z 0-9 . _ -")
        return value


def _split_secrets(value: Any) -> Any:
    """Read a JSON list of texts and objects, or comma separated text."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                value = json.loads(text)
            except json.JSONDecodeError as error:
                # Its own message is safe, but carries the text.
                raise ValueError(f"is not a JSON list: {error.msg}") from None
        else:
            value = [part.strip() for part in text.split(",") if part.strip()]
    return value


def _read_keys(value: Any) -> Any:
    entries = _split_secrets(value)
    if not isinstance(entries, list):
        return entries
    return [{"key": entry} if isinstance(entry, str) else entry for entry in entries]


SeedKeys = Annotated[tuple[SeedKey, ...], NoDecode, BeforeValidator(_read_keys)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_secrets)]


class KeypoolSettings(CalledSettings):
    """Settings of the key pool."""

    LIVE = CalledSettings.LIVE | {
        "allowed_tokens",
        "api_keys",
        "auth_token",
        "paid_key",
        "vertex_api_keys",
    }

    keypool_listen: str = "0.0.0.0:50051"
    """Address of the gRPC port; port 0 takes any free one."""

    redis_url: RedisUrl
    """The store, such as `redis://:password@host:6379/0`; see `docs/redis.md`."""

    encryption_key: SecretStr
    """Seals the secrets in the store: 32 bytes in base64, or a text of 16 characters or more."""

    api_keys: SeedKeys = ()
    """Upstream keys: texts, or objects `{"key", "project", "note", "tags", "proxy", "weight",
    "max_in_flight", "priority"}`."""

    vertex_api_keys: SeedKeys = ()
    """Keys of Vertex AI in express mode, for the pool `vertex-express`; written as `API_KEYS`."""

    paid_key: SecretStr | None = None
    """A key for the pool `paid`, which image models use before the client's own pool."""

    allowed_tokens: SecretList = ()
    """Client tokens that open models and files."""

    auth_token: SecretStr | None = None
    """The operator's token; it opens the admin pages, too."""

    old_encryption_keys: SecretList = ()
    """Earlier values of `ENCRYPTION_KEY`, until every secret has been sealed anew."""

    base_url: UpstreamUrl = "https://generativelanguage.googleapis.com"
    """The upstream, with or without its `/v1beta`."""

    vertex_express_base_url: VertexUrl = VERTEX_URL
    """Where the keys of `vertex-express` are verified, up to what stands before `/models`."""

    test_model: str = "gemini-2.5-flash"
    """The model that keys are verified with; asking about it uses no quota."""

    proxies: SecretList = ()
    """Proxies for the keys that have none of their own, spread evenly."""

    quota_file: Path | None = None
    """A TOML file with the limits of tiers and projects; looked at again every 2 s."""

    discover_projects: bool = True
    """Whether keys that are refused together are compared at the upstream."""

    @field_validator("encryption_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < SHORTEST_TEXT:
            raise ValueError(f"must have {SHORTEST_TEXT} characters or more")
        return value

    @field_validator("old_encryption_keys")
    @classmethod
    def _are_long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in value:
            cls._is_long_enough(key)
        return value

    @field_validator("proxies")
    @classmethod
    def _are_proxies(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for at, proxy in enumerate(value):
            if not is_proxy(proxy.get_secret_value()):
                raise ValueError(f"entry {at + 1} must be a URL such as {PROXY_EXAMPLE}")
        return value

    @field_validator("test_model")
    @classmethod
    def _is_model(cls, value: str) -> str:
        model = value.removeprefix("models/")
        if not model or not is_model(model):
            raise ValueError("must be a model such as gemini-2.5-flash")
        return model

    @field_validator("quota_file")
    @classmethod
    def _is_quota_file(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                read_quota_file(value)
            except QuotaFileError as error:
                raise ValueError(f"{value} {error}") from error
        return value

    @field_validator("allowed_tokens")
    @classmethod
    def _are_sendable(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for token in value:
            _require_sendable(token)
        return value

    @field_validator("paid_key")
    @classmethod
    def _is_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_secret(value.get_secret_value()):
            raise ValueError("must be 8 to 512 printable characters without spaces")
        return value

    @field_validator("auth_token")
    @classmethod
    def _is_sendable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _require_sendable(value)
        return value

    @property
    def seed(self) -> Seed:
        """What the store is filled with."""
        paid = [] if self.paid_key is None else [NewKey(self.paid_key.get_secret_value())]
        keys = {
            DEFAULT_POOL: [_new_key(entry) for entry in self.api_keys],
            VERTEX_POOL: [_new_key(entry) for entry in self.vertex_api_keys],
            PAID_POOL: paid,
        }
        return Seed(keys=keys, tokens=self._tokens())

    def _tokens(self) -> Sequence[NewToken]:
        operator = self.auth_token.get_secret_value() if self.auth_token else ""
        texts = dict.fromkeys(token.get_secret_value() for token in self.allowed_tokens)
        tokens = [
            NewToken(text=text, name="ALLOWED_TOKENS", seeded=True)
            for text in texts
            if text != operator
        ]
        if operator:
            scopes = ("models", "files", "admin")
            tokens.append(NewToken(text=operator, name="AUTH_TOKEN", scopes=scopes, seeded=True))
        return tokens


def _new_key(entry: SeedKey) -> NewKey:
    return NewKey(
        secret=entry.key.get_secret_value(),
        project_id=entry.project,
        note=entry.note,
        tags=entry.tags,
        proxy_url=entry.proxy.get_secret_value() if entry.proxy else "",
        weight=entry.weight,
        max_in_flight=entry.max_in_flight,
        priority=entry.priority,
    )


def _require_sendable(token: SecretStr) -> None:
    if not is_secret(token.get_secret_value(), shortest=1):
        raise ValueError("must be at most 512 printable characters without spaces")
