"""Which requests had better go where the one before them went.

The upstream's prompt cache helps requests that begin alike. And what a model hands out to
be sent back, signatures of its thoughts and tokens to go on with, is good only at the
account that made it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

import orjson

_LEAST_PREFIX = 4096
# A request that may be answered with calls, or that goes on from an earlier answer.
_CONTINUED = (
    b'"functionDeclarations"',
    b'"function_declarations"',
    b'"thoughtSignature"',
    b'"thought_signature"',
    b'"continuationToken"',
    b'"continuation_token"',
)


def prefix_hash(client_id: str, model: str, body: bytes, request: dict[str, Any]) -> int:
    """Return a number that requests of one conversation share, 0 where it does not matter.

    The beginning is the system instruction, the tools, and the first turns up to
    4 KiB. Turns are only ever added at the end, so a conversation keeps its number.
    Shorter ones have one when they may be continued.

    Args:
        client_id: Conversations of different clients are kept apart.
        model: The caches of models are apart.
        body: The request as it goes upstream.
        request: The same, parsed, in either spelling of its fields.
    """
    if any(mark in body for mark in _CONTINUED):
        return conversation_hash(client_id, model, request)
    if len(body) < _LEAST_PREFIX:
        return 0
    number, size = _hash(client_id, model, _pieces(request))
    return number if size >= _LEAST_PREFIX else 0


def conversation_hash(client_id: str, model: str, request: dict[str, Any]) -> int:
    """Return the number of a conversation by what was said before its first answer."""
    pieces = takewhile(lambda piece: not _is_answer(piece), _pieces(request))
    return _hash(client_id, model, pieces)[0]


def _hash(client_id: str, model: str, pieces: Iterable[Any]) -> tuple[int, int]:
    """Return the number of the first 4 KiB of pieces, and how many bytes there were."""
    digest = hashlib.blake2b(f"{client_id}\0{model}\0".encode(), digest_size=8)
    size = 0
    for piece in filter(None, pieces):
        data = orjson.dumps(piece)
        digest.update(data)
        size += len(data)
        if size >= _LEAST_PREFIX:
            break
    # 0 means that there is no preference.
    return int.from_bytes(digest.digest()) or 1, size


def _is_answer(piece: Any) -> bool:
    return isinstance(piece, dict) and piece.get("role") == "model"


def _pieces(request: dict[str, Any]) -> Iterator[Any]:
    yield request.get("systemInstruction", request.get("system_instruction"))
    yield request.get("tools")
    contents = request.get("contents")
    yield from contents if isinstance(contents, list) else [contents]
