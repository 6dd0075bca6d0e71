"""Lists of what a client owns, over all projects."""

import re
from functools import partial
from typing import Any

import orjson

from services.edge.calls import Call, forwarded_headers
from services.edge.concurrently import concurrently
from services.edge.dialects import Dialect
from services.edge.errors import AnswerTooLargeError, bad_request, pool_away
from services.edge.http import Exchange
from services.edge.leasing.lease import Need, PoolAwayError
from services.edge.plain import fetch
from services.edge.refusals import FailedError
from services.edge.resources.access import bound_to
from services.edge.resources.names import Binding
from services.edge.resources.rules import Collection
from services.edge.runtime import Runtime

_AT_ONCE = 8
_SIZE = re.compile(r"[0-9]{1,9}")
# Pages are filled up when things turn out to be gone, but not without end.
_MORE_ROUNDS = 5
# Batches tell all their answers. Longer descriptions are asked for one by one; a page
# ends when it has become so long.
_LARGEST_ITEM = 1024 * 1024
_FULL_PAGE = 4 * 1024 * 1024


class Listing:
    """Reads each of a client's things with a key of its project."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime

    async def page(
        self, exchange: Exchange, need: Need, collection: Collection, place: str
    ) -> dict[str, Any]:
        """Return a page in Google's form.

        Args:
            exchange: Tells the size of the page, and which one.
            need: Of the client, for reading.
            collection: What is listed.
            place: Version and path of it, such as `v1beta/batches`.

        Raises:
            ApiError: 400 for a size or a token that is none.
        """
        size = min(_size(exchange) or collection.default_page, collection.largest_page)
        token = exchange.query_value("pageToken") or exchange.query_value("page_token")
        version, _, path = place.partition("/")
        headers = forwarded_headers(exchange.headers)
        found: list[bytes] = []
        for _ in range(size // _AT_ONCE + _MORE_ROUNDS):
            wanted = min(_AT_ONCE, size - len(found))
            try:
                bindings, token = await self._runtime.registry.list_page(
                    need.pool, need.client_id, f"{path}/", wanted, token
                )
            except PoolAwayError:
                raise pool_away() from None
            calls = [
                bound_to(
                    Call("GET", f"/{version}/{it.name}", headers, b"", need, Dialect.GEMINI), [it]
                )
                for it in bindings
            ]
            items = await concurrently(_AT_ONCE, [partial(self._read, call) for call in calls])
            found += [item for item in items if item is not None]
            if not token or len(found) == size or sum(map(len, found)) >= _FULL_PAGE:
                break
        # Like every empty field of Google's JSON, an empty list is left out.
        listed = [orjson.Fragment(item) for item in found]
        page: dict[str, Any] = {collection.listed_as: listed} if listed else {}
        return page | {"nextPageToken": token} if token else page

    async def _read(self, call: Call) -> bytes | None:
        """Return the description of a thing, None when it is not found.

        It stays bound: not every answer of 403 or 404 means that it is gone for good.
        """
        try:
            return (await fetch(self._runtime, call, limit=_LARGEST_ITEM)).body
        except AnswerTooLargeError:
            return orjson.dumps(_outline(call.cited[0]))
        except FailedError as error:
            if error.status in {403, 404}:
                return None
            # It exists, but its project cannot be asked now: no reason to hide it or the others.
            return orjson.dumps(_outline(call.cited[0]))


def _outline(binding: Binding) -> dict[str, Any]:
    outline = {"name": binding.name}
    if binding.create_time is not None:
        outline["createTime"] = binding.create_time.isoformat().replace("+00:00", "Z")
    return outline


def _size(exchange: Exchange) -> int:
    size = exchange.query_value("pageSize") or exchange.query_value("page_size") or "0"
    if not _SIZE.fullmatch(size):
        raise bad_request("pageSize must be a number that is not negative.", param="pageSize")
    return int(size)
