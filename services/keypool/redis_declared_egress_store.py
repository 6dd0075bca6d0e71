"""Ways out that commands declared, in Redis."""

from typing import Any

import orjson

from services.keypool.declared_egress import EgressChange, SealedEgress
from services.keypool.redis_keys import POOLS, pool_key, pool_prefix
from services.keypool.redis_scripts import Call, RedisPort, load_script, texts

_SET = load_script("set_egress")
_RESEAL = load_script("reseal_egress")
_FIELDS = ("projects", "tags", "proxies")


class RedisDeclaredEgressStore:
    """See `DeclaredEgressStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def list_all(self) -> list[SealedEgress]:
        """See `DeclaredEgressStore.list_all`."""
        pools = sorted(texts(await self._port.do(lambda redis: redis.smembers(POOLS))))
        rows = await self._port.send(
            lambda pipe: [pipe.hgetall(pool_key(pool, "egresses")) for pool in pools]
        )
        return [
            egress
            for pool, row in zip(pools, rows, strict=True)
            for egress in _read_egresses(pool, row)
        ]

    async def set(self, pool: str, name: str, change: EgressChange, sealed: bytes) -> bool:
        """See `DeclaredEgressStore.set`."""
        await self._port.do(lambda redis: redis.sadd(POOLS, pool))
        fields: list[str | bytes] = []
        if change.projects is not None:
            fields += ["projects", orjson.dumps(change.projects)]
        if change.tags is not None:
            fields += ["tags", orjson.dumps(change.tags)]
        if sealed:
            fields += ["proxies", sealed]
        [done] = await self._port.run(Call(_SET, pool_prefix(pool), (name, *fields)))
        return bool(done)

    async def delete(self, pool: str, name: str) -> bool:
        """See `DeclaredEgressStore.delete`."""
        fields = [f"{name}/{field}" for field in _FIELDS]
        return bool(
            await self._port.do(lambda redis: redis.hdel(pool_key(pool, "egresses"), *fields))
        )

    async def reseal(self, egress: SealedEgress, sealed: bytes) -> bool:
        """See `DeclaredEgressStore.reseal`."""
        arguments = (egress.name, egress.sealed, sealed)
        [done] = await self._port.run(Call(_RESEAL, pool_prefix(egress.pool), arguments))
        return bool(done)


def _read_egresses(pool: str, row: dict[bytes, bytes]) -> list[SealedEgress]:
    def names(field: str) -> tuple[str, ...]:
        found: list[Any] = orjson.loads(row.get(field.encode(), b"[]"))
        return tuple(found)

    return [
        SealedEgress(pool, name, names(f"{name}/projects"), names(f"{name}/tags"), row[field])
        for field in sorted(row)
        if (name := field.decode().removesuffix("/proxies")) != field.decode()
    ]
