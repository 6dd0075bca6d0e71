"""How many input tokens a request will use, before anybody has counted them."""

from collections.abc import Iterator
from typing import Any

_BYTES_PER_TOKEN = 4
_TOKENS_PER_MEDIUM = 1_000
_MEDIA_FIELDS = ("inlineData", "inline_data")


def estimate_tokens(body: bytes, request: dict[str, Any]) -> int:
    """Return a rough upper estimate; the pool reconciles it with what Google counts.

    Text is about four bytes a token. Media travel as base64 and are counted by
    the piece instead: their bytes say little about their tokens.

    Args:
        body: The request as it goes upstream.
        request: The same, parsed.
    """
    media, media_bytes = 0, 0
    if b"nlineData" in body or b"inline_data" in body:
        for part in _parts(request):
            for field in _MEDIA_FIELDS:
                inline = part.get(field)
                data = inline.get("data") if isinstance(inline, dict) else None
                if isinstance(data, str):
                    media += 1
                    media_bytes += len(data)
    text = max(0, len(body) - media_bytes)
    return text // _BYTES_PER_TOKEN + media * _TOKENS_PER_MEDIUM + 1


def _parts(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    contents = request.get("contents")
    for content in contents if isinstance(contents, list) else [contents]:
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, dict):
                yield part
