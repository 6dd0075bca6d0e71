"""Stores whose scripts read a clock that tests set, and Google's side of the bargain."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from services.keypool.identity import Identity
from services.keypool.key_secrets import KeySecrets
from services.keypool.keys import Keys
from services.keypool.leasing import Leasing
from services.keypool.model import Grant, Lease, Outcome, Settlement, SettleResult, Usage
from services.keypool.redis_key_store import RedisKeyStore
from services.keypool.redis_keys import pool_key
from services.keypool.redis_lease_store import RedisLeaseStore
from services.keypool.redis_scripts import RedisPort
from services.kit.vault import Vault
from tests.contract.keypool.orders import new_keys, order
from tests.support.store_clock import ClockedPort, StoreClock

VAULT = Vault("a key-encryption key for tests")
# In the future: what is to be forgotten at a time is forgotten by the server's own clock.
EPOCH = datetime(2031, 6, 3, 15, tzinfo=UTC)
POOL = "default"


@dataclass
class Clocked:
    """A pool whose time is in our hands."""

    redis: Any
    slack: timedelta = timedelta()
    time: datetime = EPOCH
    port: RedisPort = field(init=False)
    leases: RedisLeaseStore = field(init=False)
    keys: RedisKeyStore = field(init=False)
    leasing: Leasing = field(init=False)
    admin: Keys = field(init=False)

    def __post_init__(self) -> None:
        self.port = ClockedPort(self.redis)
        identity = Identity()
        identity.load(VAULT.first_pepper())
        secrets = KeySecrets(VAULT)
        self.leases = RedisLeaseStore(self.port, slack=self.slack, now=lambda: self.time)
        self.keys = RedisKeyStore(self.port)
        self.leasing = Leasing(self.leases, self.keys, identity, secrets)
        self.admin = Keys(self.keys, identity, secrets)

    async def open(self, projects: list[int]) -> None:
        """Start with nothing but so many keys for each project."""
        await self.redis.flushdb()
        await self.set(self.time)
        await self.admin.create(POOL, new_keys(projects))

    async def set(self, time: datetime) -> None:
        self.time = time
        await StoreClock(self.redis).set(time)

    async def advance(self, seconds: float) -> None:
        await self.set(self.time + timedelta(seconds=seconds))

    async def declare(self, field_name: str, **limits: int) -> None:
        """Declare limits, or withdraw them when none are given."""
        name = pool_key(POOL, "quotas")
        if limits:
            await self.redis.hset(name, field_name, orjson.dumps(limits))
        else:
            await self.redis.hdel(name, field_name)
        await self.leases.quotas_changed(POOL)

    async def acquire(self, count: int = 1, **fields: Any) -> Grant:
        return await self.leasing.acquire(order(count=count, **fields), ())

    async def one(self, **fields: Any) -> Lease:
        grant = await self.acquire(**fields)
        assert len(grant.leases) == 1, grant.refusal
        return grant.leases[0]

    async def granted(self, count: int = 1, **fields: Any) -> int:
        """How many of so many orders of one lease are granted."""
        number = 0
        for _ in range(count):
            number += len((await self.acquire(**fields)).leases)
        return number

    async def settle(
        self,
        *leases: Lease,
        outcome: Outcome = Outcome.SUCCEEDED,
        started_at: datetime | None = None,
        tokens: int | None = None,
        **fields: Any,
    ) -> Sequence[SettleResult]:
        usage = None if tokens is None else Usage(input_tokens=tokens)
        rows = [
            Settlement(lease.lease_id, outcome, usage=usage, started_at=started_at, **fields)
            for lease in leases
        ]
        results, _ = await self.leasing.settle(rows, (), POOL, 0)
        return results

    async def packed_state(self, model: str, project: str) -> bytes | None:
        """What is stored of a project for a model."""
        kept = await self.redis.hget(pool_key(POOL, "counters"), f"M/{model}") or b""
        number = int.from_bytes(kept[:4], "little")
        name = pool_key(POOL, "state", f"{number}:{project}")
        packed: bytes | None = await self.redis.get(name)
        return packed

    async def limit_key(self, key_id: str, most: int) -> None:
        await self.redis.hset(pool_key(POOL, "key", key_id), "max_in_flight", most)


def seconds_after(time: datetime | None, base: datetime) -> float:
    assert time is not None
    return (time - base).total_seconds()
