"""The census in Redis."""

from collections.abc import Sequence

from services.keypool.census import MOST_MODELS, Page
from services.keypool.redis_keys import pool_prefix
from services.keypool.redis_scripts import Call, RedisPort, load_script

_CENSUS = load_script("census")


class RedisCensusStore:
    """See `CensusStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def count(self, pool: str, after: str, limit: int) -> Page:
        """See `CensusStore.count`."""
        arguments = (f"({after}" if after else "-", limit, MOST_MODELS)
        [reply] = await self._port.run(Call(_CENSUS, pool_prefix(pool), arguments))
        last, states, projects, waiting = reply
        return Page(last.decode(), _pairs(states), projects, _pairs(waiting))


def _pairs(row: Sequence[bytes | int]) -> dict[str, int]:
    names, counts = row[::2], row[1::2]
    return {
        name.decode(): int(count)
        for name, count in zip(names, counts, strict=True)
        if isinstance(name, bytes)
    }
