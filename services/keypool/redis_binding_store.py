"""Bindings of resources in Redis."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from services.keypool.model import Binding
from services.keypool.redis_keys import pool_prefix
from services.keypool.redis_scripts import Call, RedisPort, from_ms, load_script, maybe_from_ms

_BIND = load_script("bind")
_UNBIND = load_script("unbind")
_LIST = load_script("list_bindings")
_RESOLVE = load_script("resolve_bindings")


class RedisBindingStore:
    """See `BindingStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def bind(self, pool: str, binding: Binding, *, must_be_new: bool) -> Binding | None:
        """See `BindingStore.bind`."""
        ends = binding.expire_time
        arguments = (
            binding.resource,
            binding.project_id,
            binding.client_id,
            str(int(ends.timestamp() * 1000)) if ends else "",
            int(must_be_new),
        )
        [[bound, stored]] = await self._port.run(Call(_BIND, pool_prefix(pool), arguments))
        return _read(binding.resource, stored) if bound else None

    async def resolve(self, pool: str, resources: Sequence[str]) -> list[Binding]:
        """See `BindingStore.resolve`."""
        if not resources:
            return []
        [rows] = await self._port.run(Call(_RESOLVE, pool_prefix(pool), tuple(resources)))
        # Its project may have been merged into another one since.
        return [
            replace(_read(resource, row[0]), project_id=row[1].decode())
            for resource, row in zip(resources, rows, strict=True)
            if row
        ]

    async def list_of(
        self, pool: str, client_id: str, prefix: str, limit: int, after: tuple[str, str] | None
    ) -> tuple[list[Binding], tuple[str, str] | None]:
        """See `BindingStore.list_of`."""
        time, last = after or ("", "")
        arguments = (client_id, prefix, limit, time, last)
        [[rows, has_more]] = await self._port.run(Call(_LIST, pool_prefix(pool), arguments))
        found = [_read(resource.decode(), stored) for resource, _, stored in rows]
        if not has_more:
            return found, None
        resource, time, _ = rows[-1]
        return found, (time.decode(), resource.decode())

    async def unbind(self, pool: str, resource: str, client_id: str) -> None:
        """See `BindingStore.unbind`."""
        await self._port.run(Call(_UNBIND, pool_prefix(pool), (resource, client_id)))


def _read(resource: str, stored: bytes) -> Binding:
    row: dict[str, Any] = orjson.loads(stored)
    return Binding(
        resource=resource,
        project_id=row["project"],
        client_id=row["client"],
        expire_time=maybe_from_ms(row["ends"]),
        create_time=from_ms(row["created"]),
    )
