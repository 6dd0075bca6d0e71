"""The store's clock in the hands of a test: scripts read it instead of the server's own."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.keypool.redis_scripts import Call, RedisPort, Script

_NAME = "test-clock"
_TIME = "redis.call('TIME')"
_SET_TIME = (
    f"(redis.call('EXISTS', '{_NAME}') == 1 and redis.call('HMGET', '{_NAME}', 's', 'us')"
    " or redis.call('TIME'))"
)


class ClockedPort(RedisPort):
    """Runs the scripts as they are, but for where they read the time."""

    async def run(self, *calls: Call) -> list[Any]:
        return await super().run(*(replace(call, script=_clocked(call.script)) for call in calls))


_KNOWN: dict[str, Script] = {}


def _clocked(script: Script) -> Script:
    if script.sha not in _KNOWN:
        assert script.text.count(_TIME) == 1
        text = script.text.replace(_TIME, _SET_TIME)
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        _KNOWN[script.sha] = Script(text, sha)
    return _KNOWN[script.sha]


@dataclass
class StoreClock:
    """A clock that stands still until it is moved; the server's own until it is set."""

    redis: Any
    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def set(self, time: datetime) -> None:
        self.time = time
        micros = int((time - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
        clock = {"s": micros // 10**6, "us": micros % 10**6}
        await self.redis.hset(_NAME, mapping=clock)

    async def advance(self, seconds: float) -> None:
        await self.set(self.time + timedelta(seconds=seconds))
