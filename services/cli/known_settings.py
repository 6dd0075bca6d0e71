"""Every setting that means something here, and what becomes of it.

The names of older versions are kept: their `.env` starts this one. What a
setting does is the business of the part that reads it.
"""

import difflib
import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Part(enum.Enum):
    """Who reads a setting."""

    UP = "up"
    CLI = "cli"
    EDGE = "edge"
    KEYPOOL = "keypool"
    FILES = "files"
    SIMULATOR = "simulator"


class Fate(enum.Enum):
    """What becomes of a setting."""

    USED = "used"
    OBSOLETE = "not needed any more"


@dataclass(frozen=True, slots=True)
class Known:
    """One setting.

    Attributes:
        fate: What becomes of it.
        readers: The parts that read it; empty unless it is used.
    """

    fate: Fate
    readers: frozenset[Part] = frozenset()


_EVERY_SERVICE = (Part.EDGE, Part.KEYPOOL, Part.FILES, Part.SIMULATOR)

_READERS: dict[str, tuple[Part, ...]] = {
    # what `up` and the commands decide
    "DATA_DIR": (Part.UP, Part.CLI),
    "GEMINI_BALANCE_URL": (Part.CLI,),
    "GEMINI_BALANCE_TOKEN": (Part.CLI,),
    "HTTP_HOST": (Part.UP, Part.EDGE),
    "HTTP_PORT": (Part.UP, Part.EDGE),
    "OPS_HOST": (Part.UP, *_EVERY_SERVICE),
    "OPS_PORT": (Part.UP, *_EVERY_SERVICE),
    "LOG_LEVEL": (Part.UP, *_EVERY_SERVICE),
    "LOG_AS_JSON": (Part.UP, *_EVERY_SERVICE),
    "DRAIN_SECONDS": (Part.UP, *_EVERY_SERVICE),
    "SETTINGS_FILE": _EVERY_SERVICE,
    # how the parts meet
    "REDIS_URL": (Part.UP, Part.KEYPOOL, Part.FILES),
    "KEYPOOL_TARGET": (Part.CLI, Part.EDGE, Part.FILES),
    "FILES_TARGET": (Part.EDGE,),
    "KEYPOOL_LISTEN": (Part.UP, Part.KEYPOOL),
    "FILES_LISTEN": (Part.UP, Part.FILES),
    "SERVICE_CREDENTIAL": (Part.CLI, Part.EDGE, Part.FILES),
    "SERVICE_CREDENTIALS": (Part.UP, Part.KEYPOOL, Part.FILES),
    "SERVICE_IDENTITIES": (Part.KEYPOOL, Part.FILES),
    "TLS_CERT_FILE": (Part.CLI, Part.EDGE, Part.KEYPOOL, Part.FILES),
    "TLS_KEY_FILE": (Part.CLI, Part.EDGE, Part.KEYPOOL, Part.FILES),
    "TLS_CA_FILE": (Part.CLI, Part.EDGE, Part.KEYPOOL, Part.FILES),
    "ENCRYPTION_KEY": (Part.UP, Part.KEYPOOL, Part.FILES),
    "OLD_ENCRYPTION_KEYS": (Part.KEYPOOL,),
    # keys and tokens
    "API_KEYS": (Part.UP, Part.KEYPOOL),
    "VERTEX_API_KEYS": (Part.UP, Part.KEYPOOL),
    "PAID_KEY": (Part.UP, Part.KEYPOOL),
    "ALLOWED_TOKENS": (Part.UP, Part.KEYPOOL),
    "AUTH_TOKEN": (Part.UP, Part.KEYPOOL),
    "TEST_MODEL": (Part.KEYPOOL,),
    "PROXIES": (Part.KEYPOOL,),
    "QUOTA_FILE": (Part.KEYPOOL,),
    "DISCOVER_PROJECTS": (Part.KEYPOOL,),
    # the public API
    "BASE_URL": (Part.EDGE, Part.KEYPOOL, Part.FILES),
    "VERTEX_EXPRESS_BASE_URL": (Part.EDGE, Part.KEYPOOL),
    "VERTEX_EXPRESS_MODELS": (Part.EDGE,),
    "MAX_RETRIES": (Part.EDGE, Part.FILES),
    "TRACE_UPSTREAM": (Part.EDGE, Part.FILES),
    "TIME_OUT": (Part.EDGE, Part.FILES),
    "CONNECT_TIMEOUT": (Part.EDGE, Part.FILES),
    "EDGE_WORKERS": (Part.EDGE,),
    "HEARTBEAT_SECONDS": (Part.EDGE,),
    "LIVE_IDLE_SECONDS": (Part.EDGE,),
    "LIVE_MAX_MESSAGE_BYTES": (Part.EDGE,),
    "LIVE_MAX_SESSIONS": (Part.EDGE,),
    "FAKE_STREAM_ENABLED": (Part.EDGE,),
    "FAKE_STREAM_EMPTY_DATA_INTERVAL_SECONDS": (Part.EDGE,),
    "CUSTOM_HEADERS": (Part.EDGE,),
    "URL_NORMALIZATION_ENABLED": (Part.EDGE,),
    "MAX_WAIT_SECONDS": (Part.EDGE,),
    "LEASE_GRACE_SECONDS": (Part.EDGE,),
    "MAX_BODY_BYTES": (Part.EDGE,),
    "OLD_SCHEMA_MODELS": (Part.EDGE,),
    "MAX_ANSWER_BYTES": (Part.EDGE,),
    "PUBLIC_URL": (Part.EDGE,),
    "FORWARDED_ALLOW_IPS": (Part.EDGE,),
    "UPLOAD_IDLE_SECONDS": (Part.EDGE,),
    "TTS_MODEL": (Part.EDGE,),
    "TTS_VOICE_NAME": (Part.EDGE,),
    "STT_MODEL": (Part.EDGE,),
    "CREATE_IMAGE_MODEL": (Part.EDGE,),
    "REMOTE_MEDIA_ENABLED": (Part.EDGE,),
    "REMOTE_MEDIA_MAX_BYTES": (Part.EDGE,),
    "REMOTE_MEDIA_SECONDS": (Part.EDGE,),
    "REMOTE_MEDIA_ALLOW_NETS": (Part.EDGE,),
    # what names of models mean, and what is added to requests
    "MODEL_ALIASES": (Part.EDGE,),
    "MODEL_FALLBACKS": (Part.EDGE,),
    "SEARCH_MODELS": (Part.EDGE,),
    "IMAGE_MODELS": (Part.EDGE,),
    "THINKING_MODELS": (Part.EDGE,),
    "FILTERED_MODELS": (Part.EDGE,),
    "THINKING_BUDGET_MAP": (Part.EDGE,),
    "SHOW_THINKING_PROCESS": (Part.EDGE,),
    "SHOW_SEARCH_LINK": (Part.EDGE,),
    "SAFETY_SETTINGS": (Part.EDGE,),
    "URL_CONTEXT_ENABLED": (Part.EDGE,),
    "URL_CONTEXT_MODELS": (Part.EDGE,),
    "TOOLS_CODE_EXECUTION_ENABLED": (Part.EDGE,),
    # files
    "FILES_ANSWERS_BYTES": (Part.FILES,),
    "FILES_ANSWERS_HOURS": (Part.FILES,),
    "FILES_BUFFER_BYTES": (Part.FILES,),
    "FILES_CLIENT_ANSWERS_BYTES": (Part.FILES,),
    "FILES_CLIENT_BUFFER_BYTES": (Part.FILES,),
    "FILES_CLIENT_TAIL_BYTES": (Part.FILES,),
    "FILES_CLIENT_UPLOADS": (Part.FILES,),
    "FILES_IDLE_SECONDS": (Part.FILES,),
    "FILES_LEASE_SECONDS": (Part.FILES,),
    "FILES_MAX_BYTES": (Part.FILES,),
    "FILES_MEDIA_BYTES": (Part.FILES,),
    "FILES_MEDIA_HOURS": (Part.FILES,),
    "FILES_PROCESSING_SECONDS": (Part.FILES,),
    "FILES_STORE_URL": (Part.UP, Part.FILES),
    "FILES_SWEEP_SECONDS": (Part.FILES,),
    "FILES_TAIL_BYTES": (Part.FILES,),
    "FILES_UPLOAD_TTL_HOURS": (Part.FILES,),
    "FILES_UPSTREAM_SECONDS": (Part.FILES,),
    "FILES_USER_ISOLATION_ENABLED": (Part.EDGE, Part.FILES),
    # the stand-in for Google
    "SIMULATOR_HOST": (Part.SIMULATOR,),
    "SIMULATOR_PORT": (Part.SIMULATOR,),
    "SIMULATOR_KEYS": (Part.SIMULATOR,),
    "SIMULATOR_RPM": (Part.SIMULATOR,),
    "SIMULATOR_TPM": (Part.SIMULATOR,),
    "SIMULATOR_RPD": (Part.SIMULATOR,),
    "SIMULATOR_WINDOW": (Part.SIMULATOR,),
    "SIMULATOR_FREE_TIER": (Part.SIMULATOR,),
    "SIMULATOR_CHUNK_DELAY_MS": (Part.SIMULATOR,),
    "SIMULATOR_BIND_SIGNATURES": (Part.SIMULATOR,),
}

_OBSOLETE = """
    AUTO_DELETE_ERROR_LOGS_DAYS AUTO_DELETE_ERROR_LOGS_ENABLED AUTO_DELETE_REQUEST_LOGS_DAYS
    AUTO_DELETE_REQUEST_LOGS_ENABLED CHECK_INTERVAL_HOURS CLOUDFLARE_IMGBED_AUTH_CODE
    CLOUDFLARE_IMGBED_UPLOAD_FOLDER CLOUDFLARE_IMGBED_URL DATABASE_TYPE DEFAULT_RPD DEFAULT_RPM
    ERROR_LOG_RECORD_REQUEST_BODY FILES_CLEANUP_ENABLED FILES_CLEANUP_INTERVAL_HOURS GEMINI_BASE_URL
    GITHUB_REPO_NAME GITHUB_REPO_OWNER KEY_RATE_LIMITS MAX_FAILURES MODEL_RATE_LIMITS MYSQL_DATABASE
    MYSQL_HOST MYSQL_PASSWORD MYSQL_PORT MYSQL_SOCKET MYSQL_USER OSS_ACCESS_KEY
    OSS_ACCESS_KEY_SECRET OSS_BUCKET_NAME OSS_ENDPOINT OSS_ENDPOINT_INNER OSS_REGION PICGO_API_KEY
    PICGO_API_URL PROXIES_USE_CONSISTENCY_HASH_BY_API_KEY SMMS_SECRET_TOKEN SQLITE_DATABASE
    STREAM_CHUNK_SIZE STREAM_LONG_TEXT_THRESHOLD STREAM_MAX_DELAY STREAM_MIN_DELAY
    STREAM_OPTIMIZER_ENABLED STREAM_SHORT_TEXT_THRESHOLD TIMEZONE TTS_SPEED UPLOAD_PROVIDER
""".split()  # noqa: SIM905  # one name a line would bury the table

KNOWN: dict[str, Known] = {
    **{name: Known(Fate.USED, frozenset(readers)) for name, readers in _READERS.items()},
    **dict.fromkeys(_OBSOLETE, Known(Fate.OBSOLETE)),
}

# What the parts' own libraries read is none of our business.
_FOREIGN_PREFIXES = ("AWS_", "COMPOSE_", "GOOGLE_", "GRPC_", "OTEL_", "PYTHON", "SSL_CERT_")


def names_read_by(part: Part) -> frozenset[str]:
    """Return the settings that a part reads."""
    return frozenset(name for name, known in KNOWN.items() if part in known.readers)


def without_file_suffix(name: str) -> str:
    """Return NAME for NAME_FILE, which names a file that holds the value."""
    base = name.removesuffix("_FILE")
    return base if base in KNOWN else name


def warn_of_unused(names: Iterable[str]) -> str | None:
    """Return one line about settings that are understood but change nothing."""
    given = sorted({without_file_suffix(name) for name in names})
    found = [name for name in given if name in KNOWN and KNOWN[name].fate is Fate.OBSOLETE]
    told = f"settings without effect: {Fate.OBSOLETE.value}: {', '.join(found)}"
    return told if found else None


def warn_of_unknown(names: Iterable[str]) -> str | None:
    """Return one line about names of `.env` that mean nothing here."""
    phrases = []
    for name in sorted(names):
        if without_file_suffix(name) in KNOWN or name.startswith(_FOREIGN_PREFIXES):
            continue
        close = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.8)
        phrases.append(f"{name} (did you mean {close[0]}?)" if close else name)
    return f"unknown settings in .env: {', '.join(phrases)}" if phrases else None
