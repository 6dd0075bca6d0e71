"""What responses go on from: kept at the end of one, found at the beginning of the next."""

from dataclasses import dataclass, field
from typing import Any

from services.edge.errors import ApiError, bad_request
from services.edge.kept_answers import KeptAnswers
from services.edge.keypool import Client
from services.edge.responses.ids import is_response_id, response_of_item
from services.edge.responses.input_items import Item, references
from services.edge.responses.kept import Kept, pack, unpack

_MOST_LOOKED_INTO = 32


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a request goes on from.

    Attributes:
        earlier: The items of the response that it names.
        referred: The items that it refers to, by their ids.
    """

    earlier: list[Item] = field(default_factory=list)
    referred: dict[str, Item] = field(default_factory=dict)


class Memory:
    """Keeps responses for their clients and finds them again."""

    def __init__(self, answers: KeptAnswers | None) -> None:
        """Take where answers are kept, None for nowhere."""
        self._answers = answers

    async def keep(
        self, client: Client, response: dict[str, Any], items: list[Item]
    ) -> dict[str, Any]:
        """Return a response that says of itself whether it is kept, and keep it if it can be."""
        if self._answers is None:
            return {**response, "store": False}
        is_kept = await self._answers.put(client, response["id"], pack(response, items))
        return response if is_kept else {**response, "store": False}

    async def find(self, client: Client, response_id: str) -> Kept | None:
        """Return a response of a client's, None when there is none of this name.

        Raises:
            ApiError: 503 when it cannot be told now.
        """
        if self._answers is None or not is_response_id(response_id):
            return None
        content = await self._answers.get(client, response_id)
        return None if content is None else unpack(content)

    async def forget(self, client: Client, response_id: str) -> bool:
        """Forget a response; whether there was one.

        Raises:
            ApiError: 503 when it cannot be told now.
        """
        if self._answers is None or not is_response_id(response_id):
            return False
        return await self._answers.delete(client, response_id)

    async def recall(self, client: Client, body: dict[str, Any]) -> Remembered:
        """Return what a request goes on from.

        Raises:
            ApiError: 404 when a response that it names is not there, 503 when that cannot be told.
        """
        earlier: list[Item] = []
        named = body.get("previous_response_id")
        if named is not None:
            if not isinstance(named, str):
                message = "Invalid type for 'previous_response_id': expected a string."
                raise bad_request(message, code="invalid_type", param="previous_response_id")
            found = await self.find(client, named)
            if found is None:
                raise _no_previous(named)
            earlier = found.conversation
        wanted = references(body.get("input"))
        return Remembered(earlier, await self._look_up(client, wanted) if wanted else {})

    async def _look_up(self, client: Client, wanted: list[str]) -> dict[str, Item]:
        """Return the items that are referred to, as far as they are there.

        The latest response holds what it was made from, so most often it is the only one read.
        """
        items: dict[str, Item] = {}
        looked_into: set[str] = set()
        for item_id in reversed(wanted):
            response_id = response_of_item(item_id)
            if item_id in items or response_id is None or response_id in looked_into:
                continue
            if len(looked_into) == _MOST_LOOKED_INTO:
                break
            looked_into.add(response_id)
            found = await self.find(client, response_id)
            for item in found.conversation if found else ():
                items.setdefault(item["id"], item)
        return items


def _no_previous(response_id: str) -> ApiError:
    return ApiError(
        404,
        f"Previous response with id '{response_id[:80]}' not found.",
        code="previous_response_not_found",
        param="previous_response_id",
    )


def no_response(response_id: str) -> ApiError:
    """There is no such response, no more, or it is another client's."""
    return ApiError(404, f"Response with id '{response_id[:80]}' not found.", param="id")
