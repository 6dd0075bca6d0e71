"""Which of the dialects a request speaks, and so its answer and its errors."""

from collections.abc import Mapping
from enum import Enum


class Dialect(Enum):
    """The public dialects."""

    OPENAI = "openai"
    GEMINI = "gemini"
    ANTHROPIC = "anthropic"


_GEMINI_ROOTS = frozenset({"v1beta", "v1alpha", "upload", "gemini", "ws", "download"})
_SHARED = frozenset({"models", "files", "batches"})
_GEMINI_ONLY = frozenset(
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
    segments = path.split("/", 3)
    root = segments[1] if len(segments) > 1 else ""
    if root in _GEMINI_ROOTS:
        return Dialect.GEMINI
    if root == "anthropic":
        return Dialect.ANTHROPIC
    if root != "v1":
        return Dialect.OPENAI
    collection, _, verb = (segments[2] if len(segments) > 2 else "").partition(":")
    if collection in _GEMINI_ONLY:
        return Dialect.GEMINI
    if collection == "messages":
        return Dialect.ANTHROPIC
    if collection not in _SHARED:
        return Dialect.OPENAI
    if verb or (len(segments) > 3 and ":" in segments[3]):
        return Dialect.GEMINI
    if collection == "models" and b"anthropic-version" in headers:
        return Dialect.ANTHROPIC
    names_itself = b"x-goog-api-key" in headers or b"x-goog-api-client" in headers
    if names_itself or (has_query_key and b"authorization" not in headers):
        return Dialect.GEMINI
    return Dialect.OPENAI
