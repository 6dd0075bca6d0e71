"""Responses as they are kept, with the items that led to them."""

from dataclasses import dataclass
from typing import Any

import orjson

from services.edge.openai.errors import BadRequestError
from services.edge.responses.ids import stem_of
from services.edge.responses.input_items import Item

_MOST_LISTED = 100
_USUALLY_LISTED = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A response that was kept.

    Attributes:
        response: As its client was told it.
        items: The whole conversation up to it, each item with an id.
    """

    response: dict[str, Any]
    items: list[Item]

    @property
    def conversation(self) -> list[Item]:
        """What a request goes on from that names this response."""
        return [*self.items, *self.response["output"]]


def pack(response: dict[str, Any], items: list[Item]) -> bytes:
    """Return a response and what led to it as JSON, fit to be read by `unpack`."""
    named = [_with_id(item, response["id"], place) for place, item in enumerate(items)]
    return orjson.dumps({"response": response, "items": named})


def unpack(content: bytes) -> Kept:
    """Return what was packed."""
    held = orjson.loads(content)
    return Kept(held["response"], held["items"])


def list_items(items: list[Item], query: dict[str, str]) -> dict[str, Any]:
    """Return a page of items as they are listed, the latest first unless asked otherwise.

    Args:
        items: All of them, in their order.
        query: `limit`, `order` and `after`; empty where not given.

    Raises:
        BadRequestError: One of them cannot be.
    """
    order, limit = query["order"] or "desc", query["limit"] or str(_USUALLY_LISTED)
    if order not in {"asc", "desc"}:
        raise BadRequestError("'order' must be 'asc' or 'desc'.", "order", "invalid_value")
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= _MOST_LISTED:
        raise BadRequestError(
            f"'limit' must be from 1 to {_MOST_LISTED}.", "limit", "invalid_value"
        )
    listed = [_as_listed(item) for item in (items if order == "asc" else reversed(items))]
    start = 0
    if query["after"]:
        places = [place for place, item in enumerate(listed) if item["id"] == query["after"]]
        if not places:
            raise BadRequestError("'after' names none of the items.", "after", "invalid_value")
        start = places[0] + 1
    page = listed[start : start + int(limit)]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + len(page) < len(listed),
    }


def _with_id(item: Item, response_id: str, place: int) -> Item:
    if isinstance(item.get("id"), str) and item["id"]:
        return item
    prefix = "msg" if item.get("type") in (None, "message") else "item"
    return {**item, "id": f"{prefix}_{stem_of(response_id)}_i{place}"}


def _as_listed(item: Item) -> Item:
    """Return an item with what clients may leave out when they send it."""
    if item.get("type") not in (None, "message"):
        return {"status": "completed", **item}
    content = item["content"]
    if isinstance(content, str):
        kind = "output_text" if item["role"] == "assistant" else "input_text"
        content = [{"type": kind, "text": content}]
    return {"type": "message", "status": "completed", **item, "content": content}
