"""Paths that clients of a wrong base address send, as they were meant.

A base address with too much or too little of a path is the commonest mistake in setting a
client up: SDKs put their own part of the path behind whatever they were given.
"""

from collections.abc import Sequence

from services.edge.dialects import GEMINI_ONLY, SHARED

_VERSIONS = ("v1beta", "v1alpha", "v1")
_UPLOADS = frozenset({"upload", "download"})
_PREFIXES = frozenset({*_VERSIONS, *_UPLOADS, "openai", "hf", "gemini"})
_OPENAI_ONLY = frozenset(
    {"audio", "chat", "completions", "embeddings", "images", "messages", "responses"}
)
_COLLECTIONS = _OPENAI_ONLY | SHARED | GEMINI_ONLY
# Whole routes that are given as base addresses, the longest first.
_ROUTES = (("chat", "completions"), ("completions",), ("embeddings",), ("models",))


def repaired_path(path: str) -> str:
    """Return the path that was meant, the same one where that cannot be told.

    Args:
        path: As it came over the wire, and let in.
    """
    segments = [segment for segment in path.split("/") if segment]
    return _read([], segments) or path


def _read(named: Sequence[str], segments: Sequence[str]) -> str | None:
    """Return the path of a resource.

    Args:
        named: The prefixes before it.
        segments: What follows them, perhaps with further prefixes.
    """
    count = 0
    while count < len(segments) and segments[count] in _PREFIXES:
        count += 1
    named, segments = [*named, *segments[:count]], segments[count:]
    if not segments:
        return None
    for route in _ROUTES:
        if tuple(segments[: len(route)]) == route and (further := segments[len(route) :]):
            if further[0] in _PREFIXES or _begins_with_a_route(further):
                return _read(named, further)
            break
    collection = segments[0].partition(":")[0]
    if collection not in _COLLECTIONS:
        return None
    direction = next((prefix for prefix in named if prefix in _UPLOADS), "")
    rest = "/".join(segments)
    version = _version(collection, rest, named)
    return f"/{direction}/{version}/{rest}" if direction else f"/{version}/{rest}"


def _version(collection: str, rest: str, named: Sequence[str]) -> str:
    """Return the version below which a resource lies, out of those that were named."""
    if collection in _OPENAI_ONLY:
        return "v1"
    for version in _VERSIONS:
        if version in named:
            # Google's own OpenAI dialect lies below a version of Gemini's.
            return "v1" if "openai" in named else version
    is_gemini = collection in GEMINI_ONLY or ":" in rest or not _UPLOADS.isdisjoint(named)
    return "v1beta" if is_gemini or "gemini" in named else "v1"


def _begins_with_a_route(segments: Sequence[str]) -> bool:
    return any(tuple(segments[: len(route)]) == route for route in _ROUTES)
