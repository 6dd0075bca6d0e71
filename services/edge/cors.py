"""Cross-origin requests: any origin may call, with a token and without cookies."""

import re
from collections.abc import Mapping

_UPLOAD = (
    "X-Goog-Upload-Chunk-Granularity",
    "X-Goog-Upload-Command",
    "X-Goog-Upload-Control-URL",
    "X-Goog-Upload-File-Name",
    "X-Goog-Upload-Header-Content-Length",
    "X-Goog-Upload-Header-Content-Type",
    "X-Goog-Upload-Offset",
    "X-Goog-Upload-Protocol",
    "X-Goog-Upload-Size-Received",
    "X-Goog-Upload-Status",
    "X-Goog-Upload-URL",
)
# `*` does not cover Authorization, so every header is named.
_ALLOWED = (
    "Anthropic-Beta",
    "Anthropic-Dangerous-Direct-Browser-Access",
    "Anthropic-Version",
    "Authorization",
    "Content-Type",
    "X-Api-Key",
    "X-Goog-Api-Client",
    "X-Goog-Api-Key",
    "X-Request-Id",
    "X-Server-Timeout",
    *_UPLOAD,
)
_EXPOSED = (
    "Request-Id",
    "Retry-After",
    "X-Gemini-Balance-Attempts",
    "X-Gemini-Balance-Failures",
    "X-Gemini-Balance-Ignored",
    "X-Gemini-Balance-Key",
    "X-Gemini-Balance-Model",
    "X-Gemini-Balance-Path",
    "X-Gemini-Balance-Queue-Ms",
    "X-Request-Id",
    *_UPLOAD,
)
_NAMES = re.compile(r"[A-Za-z0-9\-_, ]{1,2000}")

ANSWER_HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", ", ".join(_EXPOSED).encode()),
]
"""What every answer carries."""


def preflight(headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]] | None:
    """Return the answer to a preflight request, None when it is not one."""
    if b"access-control-request-method" not in headers:
        return None
    allowed = list(_ALLOWED)
    asked = headers.get(b"access-control-request-headers", b"").decode("latin-1")
    if _NAMES.fullmatch(asked):
        known = {name.lower() for name in allowed}
        allowed += [name for name in re.findall(r"[^, ]+", asked) if name.lower() not in known]
    return [
        (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        (b"access-control-allow-headers", ", ".join(allowed).encode()),
        (b"access-control-max-age", b"86400"),
    ]
