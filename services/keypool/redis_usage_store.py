"""What was used, in Redis; it is written by the script that settles."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from redis.asyncio.client import Pipeline

from services.keypool.redis_keys import pool_key, pool_prefix
from services.keypool.redis_scripts import Call, RedisPort, from_ms, load_script
from services.keypool.usage import Bucket, UsageCounts, UsageGroup

_CLOCK = load_script("clock")
_BUCKETS_A_TRIP = 8
"""So many are read at once: full ones hold thousands of names."""


class RedisUsageStore:
    """See `UsageStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def now(self, pool: str) -> datetime:
        """See `UsageStore.now`."""
        [now] = await self._port.run(Call(_CLOCK, pool_prefix(pool), ()))
        return from_ms(now)

    async def read(
        self, pool: str, buckets: Sequence[Bucket], group: UsageGroup
    ) -> Mapping[str, UsageCounts]:
        """See `UsageStore.read`."""
        sums: dict[str, UsageCounts] = {}
        for first in range(0, len(buckets), _BUCKETS_A_TRIP):
            names = [_name(pool, bucket) for bucket in buckets[first : first + _BUCKETS_A_TRIP]]
            for fields in await self._port.send(_reading(names)):
                _add(sums, fields, group.value.encode())
        return sums


def _reading(names: Sequence[str]) -> Callable[[Pipeline], None]:
    def queue(pipe: Pipeline) -> None:
        for name in names:
            pipe.hgetall(name)

    return queue


def _name(pool: str, bucket: Bucket) -> str:
    return pool_key(pool, "usage", f"{bucket.unit}{bucket.number}")


def _add(sums: dict[str, UsageCounts], fields: Mapping[bytes, bytes], kind: bytes) -> None:
    for field, packed in fields.items():
        if field.startswith(kind):
            name = field[1:].decode()
            counts = UsageCounts(*map(int, packed.split(b",")))
            sums[name] = sums[name] + counts if name in sums else counts
