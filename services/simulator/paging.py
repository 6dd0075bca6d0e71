"""Pages of a list, with opaque tokens."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from services.simulator.errors import invalid

ItemT = TypeVar("ItemT")


def page_of(
    items: Sequence[ItemT], query: dict[str, str], *, default: int, most: int
) -> tuple[list[ItemT], str]:
    """Return a page of `items` and the token of the next one, empty on the last page.

    Args:
        items: The whole list in its order.
        query: The request's `pageSize` and `pageToken`, in either spelling.
        default: Page size when none is asked for.
        most: The largest page size; more is cut down to it.

    Raises:
        ApiError: Size or token make no sense.
    """
    size_text = query.get("pageSize") or query.get("page_size") or "0"
    token = query.get("pageToken") or query.get("page_token") or ""
    if not size_text.lstrip("-").isdigit() or int(size_text) < 0:
        raise invalid(f"Invalid value at 'page_size' (TYPE_INT32), \"{size_text}\"")
    size = min(int(size_text) or default, most)
    start = _read_token(token) if token else 0
    end = start + size
    following = base64.urlsafe_b64encode(b"at:%d" % end).decode() if end < len(items) else ""
    return list(items[start:end]), following


def _read_token(token: str) -> int:
    try:
        mark, _, number = base64.urlsafe_b64decode(token).partition(b":")
    except (ValueError, binascii.Error):
        mark, number = b"", b""
    if mark != b"at" or not number.isdigit():
        raise invalid("Request contains an invalid argument.")
    return int(number)
