"""The items that a request gives: its own, those it goes on from, and those it refers to."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import read_list, read_name, read_object, wrong_type
from services.edge.responses.conversation import Placed

Item = dict[str, Any]
"""An item, as OpenAI's clients know them."""

_REFERENCE = "item_reference"


def read_input(
    value: object, earlier: Sequence[Item], referred: Mapping[str, Item]
) -> list[Placed]:
    """Return all items of a request with their paths; a string is a message of the user.

    Args:
        value: `input`.
        earlier: The items of the response that the request goes on from.
        referred: The items that are referred to, by their ids.

    Raises:
        BadRequestError: There is none, or one that is referred to is not known.
    """
    placed: list[Placed] = [(item, "previous_response_id") for item in earlier]
    if isinstance(value, str):
        placed.append(({"type": "message", "role": "user", "content": value}, "input"))
        return placed
    if value is not None and not isinstance(value, list):
        raise wrong_type(value, "input", "one of a string or array of objects")
    items = read_list(value, "input")
    if not items and not placed:
        raise BadRequestError(
            "Invalid 'input': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            "input",
            "empty_array",
        )
    for place, each in enumerate(items):
        param = f"input[{place}]"
        item = read_object(each, param)
        if is_reference(item):
            item_id = read_name(item.get("id"), f"{param}.id")
            found = referred.get(item_id)
            if found is None:
                raise BadRequestError(
                    f"Item with id '{item_id[:80]}' not found. Items of responses that were not "
                    "kept cannot be referred to: send the items themselves.",
                    f"{param}.id",
                    "invalid_value",
                )
            item = found
        placed.append((item, param))
    return placed


def references(value: object) -> list[str]:
    """Return the ids that the items of an `input` refer to, in their order."""
    items = value if isinstance(value, list) else []
    ids = [item.get("id") for item in items if isinstance(item, dict) and is_reference(item)]
    return [each for each in ids if isinstance(each, str)]


def is_reference(item: Item) -> bool:
    """Whether an item stands for another; the type may be left out."""
    kind = item.get("type")
    return kind == _REFERENCE or (kind is None and item.keys() == {"id"})
