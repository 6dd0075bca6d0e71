"""Copies of files in Redis, and the right to make them."""

from datetime import timedelta

from services.files.records import SHORTEST_REST, FileCopy, FileRecord
from services.files.redis_file_rows import read_copy, write_copy
from services.files.redis_keys import file_id
from services.files.redis_scripts import load_script, run_of
from services.files.store import Claim, ClaimState
from services.kit.redis_scripts import RedisPort, to_ms

_CLAIM = load_script("file_generation", "claim_copy")
_PUT = load_script("file_generation", "put_copy")
_RELEASE = load_script("release_copy")


class RedisCopyStore:
    """See `CopyStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def claim(
        self, record: FileRecord, project_id: str, holder: str, lasts: timedelta
    ) -> Claim:
        """See `CopyStore.claim`."""
        name = file_id(record.pool, record.name)
        [[state, *found]] = await self._port.run(
            run_of(
                _CLAIM,
                name,
                project_id,
                holder,
                to_ms(lasts),
                to_ms(SHORTEST_REST),
                record.generation,
            )
        )
        copy = read_copy(project_id, found[0]) if found and found[0] else None
        return Claim(ClaimState(state.decode()), copy)

    async def put(
        self, record: FileRecord, project_id: str, holder: str, copy: FileCopy | None
    ) -> ClaimState:
        """See `CopyStore.put`."""
        name = file_id(record.pool, record.name)
        stored = write_copy(copy) if copy else ""
        [state] = await self._port.run(
            run_of(_PUT, name, project_id, holder, stored, record.generation)
        )
        return ClaimState(state.decode())

    async def release(self, record: FileRecord, project_id: str, holder: str) -> None:
        """See `CopyStore.release`."""
        name = file_id(record.pool, record.name)
        await self._port.run(run_of(_RELEASE, name, project_id, holder, record.generation))
