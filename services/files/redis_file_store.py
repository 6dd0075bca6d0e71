"""Records of files in Redis."""

from collections.abc import Awaitable
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from services.files.records import FileCopy, FileRecord
from services.files.redis_keys import file_id, key, owner_id
from services.files.redis_scripts import load_script, run_of
from services.kit.redis_scripts import RedisPort, from_ms

_CHANGE = load_script("change_file")
_DROP = load_script("drop_file")
_LIST = load_script("list_files")


class RedisFileStore:
    """See `FileStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def read(self, pool: str, name: str) -> FileRecord | None:
        """See `FileStore.read`."""

        def command(redis: Redis) -> Awaitable[Any]:
            return cast("Awaitable[Any]", redis.get(key("file", file_id(pool, name))))

        stored = await self._port.do(command)
        return _read(name, stored) if stored else None

    async def change(self, record: FileRecord) -> bool:
        """See `FileStore.change`."""
        ends = int(record.expire_time.timestamp() * 1000)
        name = file_id(record.pool, record.name)
        [changed] = await self._port.run(run_of(_CHANGE, name, write_record(record), ends))
        return bool(changed)

    async def drop(self, record: FileRecord) -> None:
        """See `FileStore.drop`."""
        owner = owner_id(record.pool, record.client_id)
        name = file_id(record.pool, record.name)
        await self._port.run(run_of(_DROP, name, owner, record.pool, record.name))

    async def list_of(
        self, pool: str, client_id: str | None, limit: int, after: tuple[str, str] | None
    ) -> tuple[list[FileRecord], tuple[str, str] | None]:
        """See `FileStore.list_of`."""
        which = ("pooled", pool) if client_id is None else ("owned", owner_id(pool, client_id))
        time, last = after or ("", "")
        [[rows, has_more]] = await self._port.run(run_of(_LIST, *which, pool, limit, time, last))
        found = [_read(name.decode(), stored) for name, _, stored in rows]
        if not has_more:
            return found, None
        name, time, _ = rows[-1]
        return found, (time.decode(), name.decode())


def write_record(record: FileRecord) -> bytes:
    """Return a record as it is stored."""
    return orjson.dumps(
        {
            "client": record.client_id,
            "pool": record.pool,
            "project": record.project_id,
            "made": int(record.create_time.timestamp() * 1000),
            "ends": int(record.expire_time.timestamp() * 1000),
            "stored": record.stored,
            "copies": [
                [copy.project_id, copy.name, copy.uri, int(copy.expire_time.timestamp() * 1000)]
                for copy in record.copies
            ],
            "upstream": orjson.Fragment(record.upstream),
        }
    )


def _read(name: str, stored: bytes) -> FileRecord:
    row: dict[str, Any] = orjson.loads(stored)
    return FileRecord(
        name=name,
        client_id=row["client"],
        pool=row["pool"],
        project_id=row["project"],
        upstream=orjson.dumps(row["upstream"]),
        create_time=from_ms(row["made"]),
        expire_time=from_ms(row["ends"]),
        copies=tuple(
            FileCopy(project, copy, uri, from_ms(ends))
            for project, copy, uri, ends in row["copies"]
        ),
        stored=row["stored"],
    )
