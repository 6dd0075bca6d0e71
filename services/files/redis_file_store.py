"""Records of files in Redis."""

from services.files.records import FileRecord
from services.files.redis_file_rows import read_record, write_record
from services.files.redis_keys import file_id, owner_id
from services.files.redis_scripts import load_script, run_of
from services.kit.redis_scripts import RedisPort

_READ = load_script("read_file")
_CHANGE = load_script("file_generation", "change_file")
_DROP = load_script("file_generation", "drop_file")
_LIST = load_script("list_files")


class RedisFileStore:
    """See `FileStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def read(self, pool: str, name: str) -> FileRecord | None:
        """See `FileStore.read`."""
        [row] = await self._port.run(run_of(_READ, file_id(pool, name)))
        return read_record(name, *row) if row else None

    async def change(self, record: FileRecord) -> bool:
        """See `FileStore.change`."""
        ends = int(record.expire_time.timestamp() * 1000)
        name = file_id(record.pool, record.name)
        [changed] = await self._port.run(
            run_of(_CHANGE, name, write_record(record), ends, record.generation)
        )
        return bool(changed)

    async def drop(self, record: FileRecord) -> bool:
        """See `FileStore.drop`."""
        owner = owner_id(record.pool, record.client_id)
        name = file_id(record.pool, record.name)
        kept_id = record.kept.kept_id if record.kept else ""
        [dropped] = await self._port.run(
            run_of(_DROP, name, owner, record.pool, record.name, kept_id, record.generation)
        )
        return bool(dropped)

    async def list_of(
        self, pool: str, client_id: str | None, limit: int, after: tuple[str, str] | None
    ) -> tuple[list[FileRecord], tuple[str, str] | None]:
        """See `FileStore.list_of`."""
        which = ("pooled", pool) if client_id is None else ("owned", owner_id(pool, client_id))
        time, last = after or ("", "")
        [[rows, has_more]] = await self._port.run(run_of(_LIST, *which, pool, limit, time, last))
        found = [read_record(name.decode(), stored, copies) for name, _, stored, copies in rows]
        # A list may still name a file that has ended, and whose name another client has chosen.
        found = [record for record in found if client_id in {None, record.client_id}]
        if not has_more:
            return found, None
        name, time, *_ = rows[-1]
        return found, (time.decode(), name.decode())
