"""Keys in Redis."""

import time
from collections.abc import Sequence
from typing import Any

import orjson
from redis.asyncio.client import Pipeline

from services.keypool.catalog import Added, KeyChange, KeyFilter, KeyRow, SealedKey, Touched
from services.keypool.redis_keys import POOLS, pool_key, pool_prefix
from services.keypool.redis_scripts import (
    PROJECTS,
    Call,
    RedisPort,
    from_ms,
    load_script,
    maybe_from_ms,
    texts,
)
from services.keypool.store import Selected

_ADD = load_script(*PROJECTS, "add_key")
_CHANGE = load_script(*PROJECTS, "change_keys")
_SELECT = load_script("select_keys")
_RESEAL = load_script("reseal_key")
_BATCH = 500
_CHANGED_AT_ONCE = 50
_SELECTED_AT_ONCE = 250
"""So many keys are looked at by one run of a script: nobody else is served meanwhile."""

_SPLIT = 63
"""A hash keeps its compact form while no value is longer, so secrets are kept in two parts,
of which the first is the longest that costs one byte to frame."""


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
        for pool in await self.pools():
            for first in range(0, len(key_ids), _BATCH):
                batch = key_ids[first : first + _BATCH]
                found |= {row.key_id: row for row in await self._read(pool, batch)}
        return [found.get(key_id) for key_id in key_ids]

    async def list_after(self, pool: str, key_id: str, limit: int) -> list[KeyRow]:
        """See `KeyStore.list_after`."""
        start = f"({key_id}" if key_id else "-"
        rows: list[KeyRow] = []
        for name in [pool] if pool else await self.pools():
            rows += await self._read(name, await self._ids_after(name, start, limit))
        rows.sort(key=lambda row: row.key_id)
        return rows[:limit]

    async def change(
        self, pool: str, key_id: str, change: KeyChange, *, sealed_proxy: bytes = b""
    ) -> bool:
        """See `KeyStore.change`."""
        [touched] = await self.change_many(pool, [(key_id, sealed_proxy)], change)
        return touched is not Touched.UNKNOWN

    async def change_many(
        self, pool: str, keys: Sequence[tuple[str, bytes]], change: KeyChange
    ) -> list[Touched]:
        """See `KeyStore.change_many`."""
        written, touched = write_change(change), list[Touched]()
        for first in range(0, len(keys), _CHANGED_AT_ONCE):
            batch = [part for key in keys[first : first + _CHANGED_AT_ONCE] for part in key]
            # One after the other: the server would run all that it has read at a stretch.
            [kinds] = await self._port.run(Call(_CHANGE, pool_prefix(pool), (written, *batch)))
            touched += [Touched(kind) for kind in kinds]
        return touched

    async def select(self, pool: str, wanted: KeyFilter, after: str, limit: int) -> Selected:
        """See `KeyStore.select`."""
        state = wanted.state.value if wanted.state else ""
        found, examined = list[str](), 0
        while examined < limit:
            begin, size = f"({after}" if after else "-", min(limit - examined, _SELECTED_AT_ONCE)
            arguments = (begin, size, state, wanted.tag, wanted.project_id)
            [[ids, seen, last]] = await self._port.run(Call(_SELECT, pool_prefix(pool), arguments))
            found += texts(ids)
            examined, after = examined + seen, last.decode()
            if not after:
                break
        return Selected(found, examined, after)

    async def pools(self) -> list[str]:
        """See `KeyStore.pools`."""
        return sorted(texts(await self._port.do(lambda redis: redis.smembers(POOLS))))

    async def count(self, pool: str) -> int:
        """See `KeyStore.count`."""
        index = pool_key(pool, "key_ids")
        return int(await self._port.do(lambda redis: redis.zcard(index)))

    async def reseal(self, pool: str, rows: Sequence[tuple[KeyRow, bytes, bytes]]) -> int:
        """See `KeyStore.reseal`."""
        if not rows:
            return 0
        calls = (
            Call(
                _RESEAL,
                pool_prefix(pool),
                (row.key_id, row.sealed_secret, row.sealed_proxy, *_split(secret), proxy),
            )
            for row, secret, proxy in rows
        )
        return sum(await self._port.run(*calls))

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
    start, end = _split(key.sealed_secret)
    # What is as usual is not stored: there may be 100,000 keys.
    fields: dict[str, str | bytes | int] = {
        "alias": key.alias,
        "secret": start,
        "end": end,
        "proxy": key.sealed_proxy,
        "note": key.note,
        "tags": _write_tags(key.tags),
        "seeded": int(key.seeded),
        "weight": key.weight if key.weight != 1 else 0,
        "max_in_flight": key.max_in_flight,
        "priority": key.priority,
    }
    given = [part for pair in fields.items() if pair[1] for part in pair]
    return Call(_ADD, pool_prefix(pool), (key.key_id, key.project_id, int(revives), *given))


def write_change(change: KeyChange) -> bytes:
    """Return a change as the script reads it."""
    fields: list[tuple[str, str]] = []
    if change.note is not None:
        fields.append(("note", change.note))
    if change.tags is not None:
        fields.append(("tags", _write_tags(change.tags).decode()))
    for name, number, usual in (
        ("weight", change.weight, 1),
        ("max_in_flight", change.max_in_flight, 0),
        ("priority", change.priority, 0),
    ):
        if number is not None:
            fields.append((name, "" if number == usual else str(number)))
    if change.dead_reason:
        fields.append(("dead_reason", change.dead_reason))
    return orjson.dumps(
        {
            "state": change.state or "",
            "project": change.project_id or "",
            "fields": fields,
            "add": change.add_tags,
            "drop": change.drop_tags,
            "proxies": int(change.proxy_url is not None),
        }
    )


def _write_tags(tags: Sequence[str]) -> bytes:
    return orjson.dumps(tags) if tags else b""


def _split(secret: bytes) -> tuple[bytes, bytes]:
    return secret[:_SPLIT], secret[_SPLIT:]


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
        sealed_secret=fields.get(b"secret", b"") + fields.get(b"end", b""),
        sealed_proxy=fields.get(b"proxy", b""),
        dead_reason=text(b"dead_reason"),
        note=text(b"note"),
        tags=tuple(tags),
        weight=int(text(b"weight") or 1),
        created=from_ms(fields[b"since"]),
        last_use=maybe_from_ms(fields.get(b"used", b"") + b"000"),
        successes=int(text(b"ok") or 0),
        failures=int(text(b"bad") or 0),
        in_flight=open_leases,
        seeded=text(b"seeded") == "1",
        max_in_flight=int(text(b"max_in_flight") or 0),
        priority=int(text(b"priority") or 0),
    )
