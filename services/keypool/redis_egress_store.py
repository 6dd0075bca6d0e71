"""Blocked ways out in Redis."""

from datetime import UTC, datetime, timedelta

from services.keypool.redis_keys import EGRESS
from services.keypool.redis_scripts import Call, RedisPort, from_ms, load_script, to_ms

_BLOCK = load_script("block_egress")


class RedisEgressStore:
    """See `EgressStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def block(self, egress: str, duration: timedelta) -> None:
        """See `EgressStore.block`."""
        await self._port.run(Call(_BLOCK, EGRESS, (egress, to_ms(duration))))

    async def list_blocked(self) -> dict[str, datetime]:
        """See `EgressStore.list_blocked`."""
        rows = await self._port.do(lambda redis: redis.zrange(EGRESS, 0, -1, withscores=True))
        now = datetime.now(UTC)
        found = {name.decode(): from_ms(until) for name, until in rows}
        return {name: until for name, until in found.items() if until > now}
