"""The scripts of the key pool, and how they are run."""

from services.keypool.redis_keys import POOL_PARTS
from services.kit.redis_scripts import (
    Call,
    RedisPort,
    Script,
    assemble_script,
    from_ms,
    maybe_from_ms,
    texts,
    to_ms,
)

__all__ = [
    "Call",
    "RedisPort",
    "Script",
    "from_ms",
    "load_script",
    "maybe_from_ms",
    "texts",
    "to_ms",
]


def load_script(*parts: str) -> Script:
    """Put a script together of its parts, after what all scripts share."""
    return assemble_script("services.keypool", POOL_PARTS, *parts)
