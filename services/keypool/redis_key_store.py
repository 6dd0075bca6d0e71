"""Keys in Redis."""

import time
from collections.abc import Sequence
from typing import Any

import orjson
from redis.asyncio.client import Pipeline

from services.keypool.catalog import Added, KeyChange, KeyRow, SealedKey
from services.keypool.redis_keys import POOLS, pool_key, pool_prefix
from services.keypool.redis_scripts import (
    Call,
    RedisPort,
    from_ms,
    load_script,
    maybe_from_ms,
    texts,
)

_ADD = load_script("add_key")
_CHANGE = load_script("change_key")
_BATCH = 500


class RedisKeyStore:
    """See `KeyStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def add(self, pool: str, keys: Sequence[SealedKey], *, revives: bool) -> list[Added]:
        """See `KeyStore.add`."""
        if not keys:
            return []
        await self._port.do(lambda redis: redis.sadd(POOLS, pool))
        added: list[Added] = []
        for first in range(0, len(keys), _BATCH):
            batch = keys[first : first + _BATCH]
            replies = await self._port.run(
                *(_add_call(pool, key, revives=revives) for key in batch)
            )
            added += [Added(reply.decode()) for reply in replies]
        return added

    async def get(self, key_id: str) -> KeyRow | None:
        """See `KeyStore.get`."""
        [row] = await self.get_many([key_id])
        return row

    async def get_many(self, key_ids: Sequence[str]) -> list[KeyRow | None]:
        """See `KeyStore.get_many`."""
        found: dict[str, KeyRow] = {}
        for pool in await self._pools():
            for first in range(0, len(key_ids), _BATCH):
                batch = key_ids[first : first + _BATCH]
                found |= {row.key_id: row for row in await self._read(pool, batch)}
        return [found.get(key_id) for key_id in key_ids]

    async def list_after(self, pool: str, key_id: str, limit: int) -> list[KeyRow]:
        """See `KeyStore.list_after`."""
        start = f"({key_id}" if key_id else "-"
        rows: list[KeyRow] = []
        for name in [pool] if pool else await self._pools():
            rows += await self._read(name, await self._ids_after(name, start, limit))
        rows.sort(key=lambda row: row.key_id)
        return rows[:limit]

    async def change(self, pool: str, key_id: str, change: KeyChange) -> bool:
        """See `KeyStore.change`."""
        fields: list[str | bytes | int] = []
        if change.note is not None:
            fields += ["note", change.note]
        if change.tags is not None:
            fields += ["tags", orjson.dumps(change.tags)]
        if change.weight is not None:
            fields += ["weight", change.weight]
        arguments = (key_id, change.state or "", change.project_id or "", *fields)
        [changed] = await self._port.run(Call(_CHANGE, pool_prefix(pool), arguments))
        return bool(changed)

    async def _pools(self) -> list[str]:
        return sorted(texts(await self._port.do(lambda redis: redis.smembers(POOLS))))

    async def _ids_after(self, pool: str, start: str, limit: int) -> tuple[str, ...]:
        index = pool_key(pool, "key_ids")
        ids = await self._port.do(
            lambda redis: redis.zrangebylex(index, start, "+", start=0, num=limit)
        )
        return texts(ids)

    async def _read(self, pool: str, key_ids: Sequence[str]) -> list[KeyRow]:
        if not key_ids:
            return []
        now = int(time.time() * 1000)

        def queue(pipe: Pipeline) -> None:
            for key_id in key_ids:
                pipe.hgetall(pool_key(pool, "key", key_id))
                pipe.zcount(pool_key(pool, "leases", key_id), now, "+inf")

        replies = await self._port.send(queue)
        return [
            _read_key(key_id, pool, fields, open_leases)
            for key_id, fields, open_leases in zip(
                key_ids, replies[::2], replies[1::2], strict=True
            )
            if fields and fields[b"state"] != b"removed"
        ]


def _add_call(pool: str, key: SealedKey, *, revives: bool) -> Call:
    fields: tuple[str | bytes | int, ...] = (
        *("alias", key.alias),
        *("secret", key.sealed_secret),
        *("proxy", key.sealed_proxy),
        *("note", key.note),
        *("tags", orjson.dumps(key.tags)),
        *("seeded", int(key.seeded)),
    )
    return Call(_ADD, pool_prefix(pool), (key.key_id, key.project_id, int(revives), *fields))


def _read_key(key_id: str, pool: str, fields: dict[bytes, bytes], open_leases: int) -> KeyRow:
    def text(name: bytes) -> str:
        return fields.get(name, b"").decode()

    tags: list[Any] = orjson.loads(fields.get(b"tags", b"[]"))
    return KeyRow(
        key_id=key_id,
        pool=pool,
        project_id=text(b"project"),
        state=text(b"state"),
        alias=text(b"alias"),
        sealed_secret=fields.get(b"secret", b""),
        sealed_proxy=fields.get(b"proxy", b""),
        dead_reason=text(b"dead_reason"),
        note=text(b"note"),
        tags=tuple(tags),
        weight=int(text(b"weight") or 1),
        created=from_ms(fields[b"created"]),
        last_use=maybe_from_ms(fields.get(b"last_use")),
        successes=int(text(b"successes") or 0),
        failures=int(text(b"failures") or 0),
        in_flight=open_leases,
        seeded=text(b"seeded") == "1",
    )
