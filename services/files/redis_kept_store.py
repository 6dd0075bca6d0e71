"""What is kept, by the time at which it is to be dropped, in Redis."""

from collections.abc import Sequence
from datetime import timedelta

from services.files.redis_scripts import load_script, run_of
from services.kit.redis_scripts import RedisPort, to_ms

_DUE = load_script("take_due")
_FORGET = load_script("forget_kept")

_LOOK_AGAIN = timedelta(minutes=10)
"""By then the slowest writer of a part has ended."""


class RedisKeptStore:
    """See `KeptStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def due(self, limit: int) -> Sequence[tuple[str, bool]]:
        """See `KeptStore.due`."""
        [rows] = await self._port.run(run_of(_DUE, limit, to_ms(_LOOK_AGAIN)))
        return [(kept_id.decode(), is_last == 1) for kept_id, is_last in rows]

    async def forget(self, kept_id: str) -> None:
        """See `KeptStore.forget`."""
        await self._port.run(run_of(_FORGET, kept_id))
