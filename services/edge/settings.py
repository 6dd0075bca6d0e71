"""The settings of the edge."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from services.edge.calls import may_go_upstream
from services.edge.fetching.reach import Reach
from services.edge.models.models import Models, build_models
from services.edge.models.settings import MODEL_NAME, ModelSettings
from services.edge.uploads.addresses import TrustedPeers
from services.kit.neighbour_settings import CallerSettings
from services.kit.settings import (
    VERTEX_URL,
    TextList,
    UpstreamUrl,
    VertexUrl,
    read_json,
    root_address,
)

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~\-]{1,128}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?")


class EdgeSettings(CallerSettings, ModelSettings):
    """What the edge reads from its environment."""

    LIVE = CallerSettings.LIVE | {
        *ModelSettings.model_fields,
        "create_image_model",
        "fake_stream_empty_data_interval_seconds",
        "fake_stream_enabled",
        "heartbeat_seconds",
        "live_idle_seconds",
        "live_max_sessions",
        "max_answer_bytes",
        "max_body_bytes",
        "max_retries",
        "max_wait_seconds",
        "old_schema_models",
        "stt_model",
        "tts_model",
        "tts_voice_name",
        "vertex_express_models",
    }

    http_host: str = "0.0.0.0"  # noqa: S104  # the public port of a pod
    """Address of the public port."""

    http_port: int = Field(default=8000, ge=0, le=65535)
    """The public port."""

    edge_workers: int = Field(default=1, ge=1, le=64)
    """Processes that share the public port, about one for each core."""

    keypool_target: str
    """gRPC target of the key pool, such as `dns:///keypool:50051`."""

    files_target: str = ""
    """gRPC target of the files service."""

    base_url: UpstreamUrl = "https://generativelanguage.googleapis.com"
    """The upstream, with or without its `/v1beta`."""

    vertex_express_base_url: VertexUrl = VERTEX_URL
    """Where the keys of the pool `vertex-express` go, up to what stands before `/models`."""

    vertex_express_models: TextList = Field(default=[])
    """Models that `/vertex-express` lists; without any, Gemini's list."""

    max_retries: int = Field(default=3, ge=0, le=20)
    """Extra attempts after a failed one, before the first byte has reached the client."""

    trace_upstream: bool = False
    """Whether calls to Google tell the ids of their traces, where there are traces."""

    time_out: float = Field(default=300, gt=0)
    """Longest silence of the upstream, and longest plain request, in seconds."""

    connect_timeout: float = Field(default=10, gt=0)
    """Longest wait for a connection to the upstream, in seconds."""

    max_wait_seconds: float = Field(default=30, ge=0)
    """Longest time that a request waits for a key."""

    heartbeat_seconds: float = Field(default=10, gt=0)
    """How long a stream may wait for its upstream before its client gets a sign of life."""

    fake_stream_enabled: bool = False
    """Whether streams give signs of life every FAKE_STREAM_EMPTY_DATA_INTERVAL_SECONDS, from the
    beginning until the first byte of the upstream."""

    fake_stream_empty_data_interval_seconds: float = Field(default=5, gt=0)
    """How far apart those signs of life are, in seconds."""

    lease_grace_seconds: float = Field(default=300, ge=0)
    """How long requests go on with known keys while the key pool is away."""

    public_url: str = ""
    """The address that clients see, such as `https://ai.example.com/gemini`; uploads get theirs
    below it. Without it, what the request says of itself."""

    forwarded_allow_ips: TextList = Field(default=["127.0.0.1"])
    """Addresses and networks of the proxies whose `X-Forwarded-Proto`, `-Host`, `-Port` and
    `-Prefix` are believed; `*` for all."""

    upload_idle_seconds: float = Field(default=60, gt=0)
    """Longest silence of a client in the middle of an upload's bytes, in seconds."""

    files_user_isolation_enabled: bool = True
    """Whether a file can be used by the client alone that uploaded it; off, by all of its pool."""

    old_schema_models: TextList = Field(default=["gemini-1.*"])
    """Patterns of models that take no JSON Schema; in OpenAI's dialect their schemas are said in
    the older form."""

    max_body_bytes: int = Field(default=100 * 1024 * 1024, gt=0)
    """Longest request body, uploads apart: those end at Google's 2 GiB."""

    create_image_model: str = Field(
        default="gemini-2.5-flash-image", pattern=f"^{MODEL_NAME.pattern}$"
    )
    """What draws when a request for pictures names no model, or one of OpenAI's."""

    custom_headers: Annotated[dict[str, str], NoDecode, BeforeValidator(read_json)] = Field(
        default={}, repr=False
    )
    """Headers of all calls upstream, as a JSON object; they replace the client's own."""

    url_normalization_enabled: bool = False
    """Whether paths of wrong base addresses, such as `/v1/v1/models`, are taken as they were
    meant; the answer then tells the path in `x-gemini-balance-path`."""

    remote_media_enabled: bool = True
    """Whether media behind web addresses in requests are fetched; off, such requests are 400."""

    remote_media_max_bytes: int = Field(default=20 * 1024 * 1024, gt=0)
    """The most bytes that one web address may bring."""

    remote_media_seconds: float = Field(default=20, gt=0)
    """Longest time to fetch what is behind one web address."""

    remote_media_allow_nets: TextList = Field(default=[])
    """Addresses and networks that are fetched from, at any port, although they are not public."""

    live_max_sessions: int = Field(default=1000, ge=0)
    """Live sessions that one process relays at a time; further ones are told to try later."""

    live_max_message_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    """Longest message of a Live session, in either direction."""

    live_idle_seconds: float = Field(default=600, gt=0)
    """How long a Live session may pass without a message in either direction, in seconds."""

    max_answer_bytes: int = Field(default=256 * 1024 * 1024, gt=0)
    """Longest answer that is not streamed."""

    tts_model: str = Field(default="gemini-2.5-flash-preview-tts", min_length=1)
    """The model that speaks where a client asks for one of OpenAI's."""

    tts_voice_name: str = Field(default="Zephyr", min_length=1)
    """The voice that speaks where a client names none."""

    stt_model: str = Field(default="gemini-2.5-flash", min_length=1)
    """The model that listens where a client asks for one of OpenAI's."""

    @property
    def beat_seconds(self) -> float:
        """How long a stream may be silent before its first byte, in seconds."""
        if self.fake_stream_enabled:
            return self.fake_stream_empty_data_interval_seconds
        return self.heartbeat_seconds

    def models(self) -> Models:
        """Return what these settings say of models."""
        return build_models(
            self,
            image_model=self.create_image_model,
            # By default it is nobody's choice, and would be one more name in every list.
            lists_chats="create_image_model" in self.model_fields_set,
        )

    @field_validator("custom_headers")
    @classmethod
    def _are_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(text):
                raise ValueError("must be names and values of HTTP headers")
            if not may_go_upstream(name.lower().encode()) or name.lower() == "content-type":
                raise ValueError(f"'{name}' is not for a setting to send")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_address(cls, value: str) -> str:
        return root_address(value) if value else ""

    @field_validator("remote_media_allow_nets")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        Reach(value)
        return value

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _are_peers(cls, value: list[str]) -> list[str]:
        TrustedPeers(value)
        return value
