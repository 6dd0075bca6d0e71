"""Declared limits in Redis."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from services.keypool.project_store import Declared, Filed, Limits, QuotaScope
from services.keypool.redis_keys import pool_key, pool_prefix
from services.keypool.redis_scripts import PROJECTS, Call, RedisPort, load_script, texts
from services.keypool.store import QuotasChanged

_SET = load_script("set_quota")
_APPLY = load_script(*PROJECTS, "apply_quota_file")
_BATCH = 200


class RedisQuotaStore:
    """See `QuotaStore`."""

    def __init__(self, port: RedisPort, quotas_changed: QuotasChanged) -> None:
        """Work over a port."""
        self._port = port
        self._quotas_changed = quotas_changed

    async def set(self, pool: str, scope: QuotaScope, limits: Limits) -> Declared:
        """See `QuotaStore.set`."""
        return await self._change(pool, scope, write_limits(limits))

    async def delete(self, pool: str, scope: QuotaScope) -> Declared:
        """See `QuotaStore.delete`."""
        return await self._change(pool, scope, b"")

    async def list_all(self, pool: str) -> list[tuple[QuotaScope, Limits]]:
        """See `QuotaStore.list_all`."""
        rows = await self._port.do(lambda redis: redis.hgetall(pool_key(pool, "quotas")))
        return [_read_quota(field, rows[field]) for field in sorted(rows)]

    async def apply_file(self, pool: str, filed: Filed) -> tuple[int, int]:
        """See `QuotaStore.apply_file`."""
        wanted = {scope.field: write_limits(limits) for scope, limits in filed.quotas.items()}
        wanted |= {f"tier/{project}": tier.encode() for project, tier in filed.tiers.items()}
        wanted |= {f"key/{key_id}": project.encode() for key_id, project in filed.keys.items()}
        before = {
            field.decode(): value
            for field, value in (
                await self._port.do(lambda redis: redis.hgetall(pool_key(pool, "filed")))
            ).items()
        }
        changed = [field for field in wanted if wanted[field] != before.get(field)]
        gone = [field for field in before if field not in wanted]
        # Also what is as before is written: somebody may have lost it in between.
        await self._apply(pool, [(field, wanted[field]) for field in wanted])
        await self._apply(pool, [(field, b"") for field in gone])
        if changed or gone:
            await self._quotas_changed(pool)
        return len(changed), len(gone)

    async def file_keys(self, pool: str, projects: Mapping[str, str]) -> None:
        """See `QuotaStore.file_keys`."""
        entries = [(f"key/{key_id}", project.encode()) for key_id, project in projects.items()]
        await self._apply(pool, entries)

    async def _apply(self, pool: str, entries: Sequence[tuple[str, bytes]]) -> None:
        for first in range(0, len(entries), _BATCH):
            batch = [part for entry in entries[first : first + _BATCH] for part in entry]
            await self._port.run(Call(_APPLY, pool_prefix(pool), tuple(batch)))

    async def _change(self, pool: str, scope: QuotaScope, value: bytes) -> Declared:
        [reply] = await self._port.run(Call(_SET, pool_prefix(pool), (scope.field, value)))
        declared = Declared(reply.decode())
        if declared is Declared.CHANGED:
            await self._quotas_changed(pool)
        return declared


def write_limits(limits: Limits) -> bytes:
    """Return limits as they are stored; what is not declared is left out."""
    values = {"rpm": limits.rpm, "tpm": limits.tpm, "rpd": limits.rpd}
    return orjson.dumps({name: value for name, value in values.items() if value is not None})


def _read_quota(field: bytes, value: bytes) -> tuple[QuotaScope, Limits]:
    [text] = texts([field])
    fields: dict[str, Any] = orjson.loads(value)
    return QuotaScope(*text.split("/", 2)), Limits(**fields)
