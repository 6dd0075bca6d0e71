"""Names of responses and of their items. That of an item tells of which response it is."""

import re
import secrets

_RESPONSE = re.compile(r"resp_[0-9a-f]{32}")
_ITEM = re.compile(r"[a-z]{1,8}_([0-9a-f]{32})_i?[0-9]{1,6}")


def new_response_id() -> str:
    """Return a fresh name of a response."""
    return f"resp_{secrets.token_hex(16)}"


def stem_of(response_id: str) -> str:
    """Return what the names of all items of a response have in common."""
    return response_id.removeprefix("resp_")


def is_response_id(name: str) -> bool:
    """Whether a response of ours can have this name."""
    return _RESPONSE.fullmatch(name) is not None


def response_of_item(item_id: str) -> str | None:
    """Return the name of the response that an item was made for; None for foreign items."""
    found = _ITEM.fullmatch(item_id)
    return f"resp_{found[1]}" if found else None
