"""The settings of the edge."""

import json
import re
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from services.kit.settings import ServiceSettings


class EdgeSettings(ServiceSettings):
    """What the edge reads from its environment."""

    http_host: str = "0.0.0.0"  # noqa: S104  # the public port of a pod
    """Address of the public port."""

    http_port: int = Field(default=8000, ge=0, le=65535)
    """The public port."""

    keypool_target: str
    """gRPC target of the key pool, such as `dns:///keypool:50051`."""

    files_target: str = ""
    """gRPC target of the files service."""

    service_credential: SecretStr
    """What the edge presents to the key pool and the files service."""

    base_url: str = "https://generativelanguage.googleapis.com"
    """The upstream, with or without its `/v1beta`."""

    max_retries: int = Field(default=3, ge=0, le=20)
    """Extra attempts after a failed one, before the first byte has reached the client."""

    time_out: float = Field(default=300, gt=0)
    """Longest silence of the upstream, and longest plain request, in seconds."""

    connect_timeout: float = Field(default=10, gt=0)
    """Longest wait for a connection to the upstream, in seconds."""

    max_wait_seconds: float = Field(default=30, ge=0)
    """Longest time that a request waits for a key."""

    heartbeat_seconds: float = Field(default=10, gt=0)
    """How long a stream may wait for its upstream before its client gets a sign of life."""

    lease_grace_seconds: float = Field(default=300, ge=0)
    """How long requests go on with known keys while the key pool is away."""

    max_body_bytes: int = Field(default=100 * 1024 * 1024, gt=0)
    """Longest request body."""

    max_answer_bytes: int = Field(default=256 * 1024 * 1024, gt=0)
    """Longest answer that is not streamed."""

    @field_validator("base_url")
    @classmethod
    def _root_of_upstream(cls, value: str) -> str:
        # Some installations write it as a JSON list of one.
        if value.startswith("[") and len(listed := json.loads(value)) == 1:
            value = str(listed[0])
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an http or https address")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("must hold no query, fragment or credential")
        return re.sub(r"/(v1|v1beta|v1alpha)$", "", value.rstrip("/"))
