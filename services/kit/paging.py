"""Page tokens: opaque to callers, positions to us."""

import base64
import binascii
import json

from services.kit.errors import InvalidRequestError


def write_page_token(*position: str) -> str:
    """Return the token of the page after a position."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def read_page_token(token: str, parts: int) -> list[str]:
    """Return the position in a token, empty for the first page.

    Raises:
        InvalidRequestError: No response of ours held this token.
    """
    if not token:
        return []
    try:
        position = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, RecursionError):
        position = None
    is_ours = (
        isinstance(position, list)
        and len(position) == parts
        and all(isinstance(part, str) for part in position)
    )
    if not is_ours:
        raise InvalidRequestError("page_token", "not from an earlier response")
    return list(position)
