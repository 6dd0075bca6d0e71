"""Bindings at the key pool: which project and which client a thing belongs to."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, Protocol

import grpc
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc

from services.edge.errors import bad_request
from services.edge.keypool import away
from services.edge.leasing.lease import PoolAwayError
from services.edge.resources.names import Binding
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel

_SECONDS = 2.0
_MOST_NAMES = 256
_REMEMBERED = 20_000


class PoolWatch(Protocol):
    """Knows whether the key pool answers."""

    @property
    def is_away(self) -> bool:
        """Whether it did not answer when last asked."""

    def note_away(self) -> None:
        """Note that it did not answer."""


class TakenError(Exception):
    """A name that was to be new is bound already."""


class Registry:
    """Binds things and finds them again.

    What it has seen is remembered, for the time when the key pool is away: a name
    never changes its project or its owner.
    """

    def __init__(self, channel: ServiceChannel, watch: PoolWatch) -> None:
        """Take the channel to the key pool, and who knows whether it answers."""
        self._channel = channel
        self._watch = watch
        self._stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(channel.channel)
        self._seen: OrderedDict[tuple[str, str], Binding] = OrderedDict()

    async def resolve(self, pool: str, names: Sequence[str]) -> dict[str, Binding]:
        """Return the bindings of those names that have one.

        Raises:
            PoolAwayError: The pool is away, and not all of the names are remembered.
        """
        found: dict[str, Binding] = {}
        try:
            for start in range(0, len(names), _MOST_NAMES):
                request = pb.ResolveResourcesRequest(
                    resource_names=names[start : start + _MOST_NAMES], pool=pool
                )
                response = await self._call(self._stub.ResolveResources, request)
                found |= {row.resource_name: _read(row) for row in response.bindings}
        except PoolAwayError:
            remembered = {
                name: self._seen[pool, name] for name in names if (pool, name) in self._seen
            }
            if len(remembered) < len(names):
                raise
            return remembered
        self._remember(pool, found.values())
        return found

    async def bind(self, pool: str, binding: Binding, *, must_be_new: bool = False) -> None:
        """Bind a thing.

        Raises:
            TakenError: The name was to be new and is not.
            PoolAwayError: The pool did not answer; binding again is safe.
        """
        row = pb.Binding(
            resource_name=binding.name,
            project_id=binding.project_id,
            client_id=binding.client_id,
        )
        if binding.expire_time is not None:
            row.expire_time.FromDatetime(binding.expire_time)
        request = pb.BindResourceRequest(binding=row, pool=pool, must_be_new=must_be_new)
        try:
            await self._call(self._stub.BindResource, request)
        except RemoteError as error:
            if error.reason == "RESOURCE_BOUND":
                raise TakenError(binding.name) from None
            raise
        self._remember(pool, (binding,))

    async def unbind(self, pool: str, name: str) -> None:
        """Forget a thing that is gone.

        Raises:
            PoolAwayError: The pool did not answer.
        """
        self._seen.pop((pool, name), None)
        await self._call(
            self._stub.UnbindResource, pb.UnbindResourceRequest(resource_name=name, pool=pool)
        )

    async def list_page(
        self, pool: str, client_id: str, prefix: str, size: int, page_token: str
    ) -> tuple[list[Binding], str]:
        """Return a page of a client's bindings, newest first, and the token of the next.

        Raises:
            ApiError: 400 for a page token that is none.
            PoolAwayError: The pool did not answer.
        """
        request = pb.ListResourcesRequest(
            client_id=client_id,
            name_prefix=prefix,
            page_size=size,
            page_token=page_token,
            pool=pool,
        )
        try:
            response = await self._call(self._stub.ListResources, request)
        except RemoteError as error:
            if error.code is grpc.StatusCode.INVALID_ARGUMENT:
                raise bad_request("The page token is not valid.", param="pageToken") from None
            raise
        return [_read(row) for row in response.bindings], response.next_page_token

    async def _call(self, method: Any, request: Any) -> Any:
        if self._watch.is_away:
            # Nobody waits again for what did not answer a moment ago.
            raise PoolAwayError("the key pool is away")
        try:
            return await self._channel.call(method, request, timeout=_SECONDS)
        except RemoteError as error:
            meaning = away(error)
            if isinstance(meaning, PoolAwayError):
                self._watch.note_away()
            raise meaning from error

    def _remember(self, pool: str, bindings: Iterable[Binding]) -> None:
        for binding in bindings:
            self._seen[pool, binding.name] = binding
            self._seen.move_to_end((pool, binding.name))
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def _read(row: pb.Binding) -> Binding:
    ends = row.expire_time.ToDatetime(UTC) if row.HasField("expire_time") else None
    made = row.create_time.ToDatetime(UTC) if row.HasField("create_time") else None
    return Binding(row.resource_name, row.project_id, row.client_id, ends, made)
