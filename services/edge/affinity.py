"""Which requests begin alike, so that the upstream's prompt cache can help them."""

import hashlib
from typing import Any

import orjson

_LEAST_PREFIX = 4096


def prefix_hash(client_id: str, model: str, request: dict[str, Any]) -> int:
    """Return a number that requests with the same beginning share, 0 for short ones.

    The beginning is the system instruction, the tools, and the first turns up to
    4 KiB. Turns are only ever added at the end, so a conversation keeps its number.

    Args:
        client_id: Conversations of different clients are kept apart.
        model: The caches of models are apart.
        request: A generate request, in either spelling of its fields.
    """
    digest = hashlib.blake2b(f"{client_id}\0{model}\0".encode(), digest_size=8)
    size = 0
    for piece in _pieces(request):
        data = orjson.dumps(piece)
        digest.update(data)
        size += len(data)
        if size >= _LEAST_PREFIX:
            # 0 means that there is no preference.
            return int.from_bytes(digest.digest()) or 1
    return 0


def _pieces(request: dict[str, Any]) -> list[Any]:
    system = request.get("systemInstruction", request.get("system_instruction"))
    contents = request.get("contents")
    turns = contents if isinstance(contents, list) else [contents]
    return [piece for piece in (system, request.get("tools"), *turns) if piece]
