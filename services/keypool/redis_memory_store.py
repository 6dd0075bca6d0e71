"""What would be missing if Redis lost its data: read while it is there, written when it is gone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson
from redis.asyncio.client import Pipeline

from services.keypool.model import DEFAULT_POOL
from services.keypool.redis_keys import META, TOKENS, pool_key, pool_prefix
from services.keypool.redis_lease_rows import write_calendar
from services.keypool.redis_scripts import Call, RedisPort, load_script, texts
from services.keypool.relearning import Declared, Memory, Place, Sign, Told

_SIGN = ["epoch", "seeded"]
_ELSEWHERE = ((f"{TOKENS}meta", "epoch"), (pool_key(DEFAULT_POOL, "counters"), "data"))
"""Where the epoch stands besides: a cluster may lose a part of its data."""

_BEGIN = load_script("begin_data")
_TELL = load_script("models", "tell")
_RELEARN = load_script(
    "models", "pace", "quota", "states", "charges", "corrections", "limits", "relearn"
)


class RedisMemoryStore:
    """See `MemoryStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def read_sign(self) -> Sign:
        """See `MemoryStore.read_sign`."""

        def queue(pipe: Pipeline) -> None:
            pipe.hmget(META, _SIGN)
            for name, field in _ELSEWHERE:
                pipe.hget(name, field)

        [main, *others] = await self._port.send(queue)
        return _read_sign(main, others)

    async def begin(self, epoch: str, stale: str) -> Sign:
        """See `MemoryStore.begin`."""
        [named] = await self._port.run(Call(_BEGIN, META, (epoch, stale)))

        def queue(pipe: Pipeline) -> None:
            for name, field in _ELSEWHERE:
                pipe.hset(name, field, named)

        await self._port.send(queue)
        return await self.read_sign()

    async def tell(self, pool: str, known_version: int, places: Sequence[Place]) -> Told:
        """See `MemoryStore.tell`."""
        names = [name for place in places for name in (place.model, place.project_id)]
        arguments: tuple[str | int, ...] = (known_version, *names)
        [[version, declared, states]] = await self._port.run(
            Call(_TELL, pool_prefix(pool), arguments)
        )
        rows = texts(declared)
        return Told(
            Declared(int(version), tuple(zip(rows[::2], rows[1::2], strict=True))),
            [(packed, tier.decode()) for packed, tier in states],
        )

    async def relearn(
        self, pool: str, declared: Declared, memories: Mapping[Place, Memory]
    ) -> None:
        """See `MemoryStore.relearn`."""
        rows = [
            [place.model, place.project_id, memory.tier, [list(row) for row in memory.charges]]
            for place, memory in memories.items()
        ]
        arguments = (
            orjson.dumps({"version": declared.version, "declared": declared.rows, "rows": rows}),
            *(memory.packed for memory in memories.values()),
            write_calendar(datetime.now(UTC)),
        )
        await self._port.run(Call(_RELEARN, pool_prefix(pool), arguments))


def _read_sign(row: Sequence[bytes | None], elsewhere: Sequence[bytes | None]) -> Sign:
    epoch, seeded = row
    name = (epoch or b"").decode()
    if any(other != epoch for other in elsewhere):
        return Sign("", 0.0, is_seeded=False, stale=name)
    begun = name.rpartition("@")[2]
    # By our own clocks: they differ less than processes are patient.
    age = datetime.now(UTC).timestamp() - float(begun or 0)
    return Sign(name, max(0.0, age), is_seeded=bool(name) and seeded == epoch)
