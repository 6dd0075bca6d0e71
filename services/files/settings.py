"""What the files service is told by its environment."""

from pydantic import Field, SecretStr, field_validator

from services.files.keeping.object_store import check_store_url
from services.files.uploads import GRANULE, LARGEST_FILE
from services.kit.neighbour_settings import CalledSettings, CallerSettings
from services.kit.redis_url import RedisUrl
from services.kit.settings import UpstreamUrl
from services.kit.vault import SHORTEST_TEXT

_MIB = 1024 * 1024


class FilesSettings(CalledSettings, CallerSettings):
    """Settings of the files service."""

    LIVE = CalledSettings.LIVE | CallerSettings.LIVE

    files_listen: str = "0.0.0.0:50052"
    """Address of the gRPC port; port 0 takes any free one."""

    redis_url: RedisUrl
    """The store of sessions and records, such as `redis://:password@host:6379/0`."""

    encryption_key: SecretStr
    """Seals what would open an upload: 32 bytes in base64, or a text of 16 characters or more."""

    keypool_target: str
    """gRPC target of the key pool, such as `dns:///keypool:50051`."""

    base_url: UpstreamUrl = "https://generativelanguage.googleapis.com"
    """The upstream, with or without its `/v1beta`."""

    max_retries: int = Field(default=3, ge=0, le=20)
    """Extra attempts with other keys after a failed one."""

    trace_upstream: bool = False
    """Whether calls to Google tell the ids of their traces, where there are traces."""

    time_out: float = Field(default=300, gt=0)
    """Longest silence of the upstream, in seconds."""

    connect_timeout: float = Field(default=10, gt=0)
    """Longest wait for a connection to the upstream, in seconds."""

    files_buffer_bytes: int = Field(default=128 * _MIB, ge=2 * GRANULE)
    """Memory for bytes on their way, of all uploads together."""

    files_tail_bytes: int = Field(default=64 * _MIB, ge=GRANULE)
    """Bytes in Redis that do not fill a granule yet, of all uploads together."""

    files_client_buffer_bytes: int = Field(default=64 * _MIB, ge=2 * GRANULE)
    """Memory for bytes on their way, of all uploads of one client in a process."""

    files_client_tail_bytes: int = Field(default=32 * _MIB, ge=GRANULE)
    """Bytes in Redis that do not fill a granule yet, of all uploads of one client."""

    files_client_uploads: int = Field(default=1000, ge=1)
    """Uploads that one client may have open."""

    files_upload_ttl_hours: float = Field(default=48, gt=0, le=24 * 7)
    """How long an upload may take; then it is dropped."""

    files_max_bytes: int = Field(default=LARGEST_FILE, gt=0, le=LARGEST_FILE)
    """The most bytes of a file."""

    files_upstream_seconds: float = Field(default=60, gt=0)
    """How long an upload bears faults of the upstream without any progress."""

    files_idle_seconds: float = Field(default=50, gt=0)
    """Longest silence of a writer, in seconds; shorter than the edge's, so that bytes are kept.
    Readers of downloads may be as slow to take the next bytes."""

    files_lease_seconds: float = Field(default=300, ge=1, le=3600)
    """How long a key counts as used by an upload whose process has died; renewed until then."""

    files_store_url: str = ""
    """Where bytes are kept: `file://`, `s3://` or `gs://`; empty for nowhere."""

    files_processing_seconds: float = Field(default=60, gt=0)
    """How long the upstream is waited for to process a file brought into another project."""

    files_sweep_seconds: float = Field(default=30, gt=0)
    """How often uploads that were left and bytes of files that ended are looked for."""

    files_media_bytes: int = Field(default=128 * _MIB, ge=0)
    """The most bytes of all generated media in Redis; unused with a store of bytes."""

    files_media_hours: float = Field(default=1, gt=0, le=24 * 7)
    """How long generated media are kept."""

    files_answers_bytes: int = Field(default=128 * _MIB, ge=0)
    """The most bytes of all kept answers in Redis; 0 keeps none."""

    files_client_answers_bytes: int = Field(default=32 * _MIB, ge=0)
    """The most bytes of the kept answers of one client."""

    files_answers_hours: float = Field(default=24, gt=0, le=24 * 30)
    """How long answers are kept, while there is room for them."""

    files_user_isolation_enabled: bool = True
    """Whether clients see their own files alone; else those of their pool."""

    @field_validator("encryption_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < SHORTEST_TEXT:
            raise ValueError(f"must have {SHORTEST_TEXT} characters or more")
        return value

    @field_validator("files_store_url")
    @classmethod
    def _can_be_a_store(cls, value: str) -> str:
        return check_store_url(value) if value else ""
