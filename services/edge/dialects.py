"""Which of the dialects a request speaks, and so its answer and its errors."""

from collections.abc import Mapping
from enum import Enum


class Dialect(Enum):
    """The public dialects."""

    OPENAI = "openai"
    GEMINI = "gemini"
    ANTHROPIC = "anthropic"


_ROOTS = {
    **dict.fromkeys(("v1beta", "v1alpha", "upload", "gemini", "ws", "download"), Dialect.GEMINI),
    "anthropic": Dialect.ANTHROPIC,
}
SHARED = frozenset({"models", "files", "batches"})
"""Collections that both dialects have."""

GEMINI_ONLY = frozenset(
    {
        "agents",
        "auth_tokens",
        "cachedContents",
        "corpora",
        "credentials",
        "decisions",
        "dynamic",
        "environments",
        "fileSearchStores",
        "interactions",
        "operations",
        "triggers",
        "tunedModels",
        "voices",
        "webhooks",
    }
)
"""Collections that only Gemini has."""

# Google's own OpenAI dialect, below a version of Gemini's.
_GOOGLES_OPENAI = "/v1beta/openai/"


def dialect_of(path: str, headers: Mapping[bytes, bytes], *, has_query_key: bool) -> Dialect:
    """Tell the dialect of a request.

    OpenAI's and Gemini's own `/v1/models`, `/v1/files` and `/v1/batches`. There, Gemini's
    clients are known by their own headers, or by `?key=` without an Authorization header.
    Anthropic's are known by their version where they ask for models.

    Args:
        path: The raw path.
        headers: Lower-case names.
        has_query_key: Whether the query has a `key`.
    """
    if path.startswith(_GOOGLES_OPENAI):
        return Dialect.OPENAI
    segments = path.split("/", 3)
    root = segments[1] if len(segments) > 1 else ""
    if root != "v1":
        return _ROOTS.get(root, Dialect.OPENAI)
    collection, _, verb = (segments[2] if len(segments) > 2 else "").partition(":")
    if collection in GEMINI_ONLY:
        return Dialect.GEMINI
    if collection == "messages":
        return Dialect.ANTHROPIC
    if collection not in SHARED:
        return Dialect.OPENAI
    if verb or (len(segments) > 3 and ":" in segments[3]):
        return Dialect.GEMINI
    if collection == "models" and b"anthropic-version" in headers:
        return Dialect.ANTHROPIC
    names_itself = b"x-goog-api-key" in headers or b"x-goog-api-client" in headers
    if names_itself or (has_query_key and b"authorization" not in headers):
        return Dialect.GEMINI
    return Dialect.OPENAI
