"""Pools of several sizes in one Valkey, in the state that a scenario wants them in."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import IntEnum

from redis.asyncio import Redis

from bench.keypool.pool import MODELS, Pool, fill
from services.kit.redis_client import open_redis
from tests.support.valkey import started_valkey

_COOLED = 0.9


class State(IntEnum):
    """How pools are; they come from one to the next, and not back."""

    UNLIMITED = 0
    LIMITED = 1
    COOLING = 2


@dataclass
class Pools:
    """Filled pools, kept from scenario to scenario as filling takes long."""

    redis: Redis
    pid: int
    _pools: dict[int, Pool] = field(default_factory=dict)
    _states: dict[int, State] = field(default_factory=dict)
    _made: int = 0

    @classmethod
    def start(cls, stack: ExitStack) -> "Pools":
        """Start a Valkey that ends with the stack; must happen inside the running event loop."""
        server = stack.enter_context(started_valkey())
        assert server.process is not None
        return cls(open_redis(server.url, name="bench"), server.process.pid)

    async def pool(self, size: int, state: State) -> Pool:
        """Return a pool of a size, in a state, in which each key was used."""
        if size not in self._pools or self._states[size] > state:
            self._made += 1
            self._pools[size] = pool = await fill(self.redis, f"b{self._made}", size)
            self._states[size] = State.UNLIMITED
            await pool.use_every_key(MODELS[0])
        pool = self._pools[size]
        if self._states[size] < State.LIMITED <= state:
            await pool.declare_limits()
        if self._states[size] < State.COOLING <= state:
            await pool.cool(_COOLED)
        self._states[size] = state
        return pool

    async def script_micros(self) -> float:
        """Return the time that scripts have taken in the server, in microseconds."""
        stats = await self.redis.info("commandstats")
        return float(stats.get("cmdstat_evalsha", {}).get("usec", 0))
