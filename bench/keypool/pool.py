"""A pool of some size, asked through the key pool's own store."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from services.judging import Effect
from services.keypool.catalog import NewKey
from services.keypool.identity import Identity
from services.keypool.key_secrets import KeySecrets
from services.keypool.keys import Keys
from services.keypool.model import LeaseOrder, Outcome
from services.keypool.redis_key_store import RedisKeyStore
from services.keypool.redis_keys import pool_key
from services.keypool.redis_lease_store import RedisLeaseStore
from services.keypool.redis_scripts import RedisPort
from services.keypool.store import LeaseRow, OutcomeRow
from services.kit.vault import Vault

MODELS = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite")
_LIFETIME = timedelta(minutes=1)
_AT_ONCE = 64
_KEYS_AT_ONCE = 500


@dataclass
class Pool:
    """Keys, each of a project of its own."""

    redis: Redis
    name: str
    size: int
    leases: RedisLeaseStore
    secrets: KeySecrets
    epoch: int = 0

    async def acquire(self, count: int, model: str = MODELS[0]) -> tuple[LeaseRow, ...]:
        """Return leases."""
        order = LeaseOrder(
            request_id=f"/{time.perf_counter_ns():032x}",
            pool=self.name,
            model=model,
            count=count,
            client_id="c",
            hold=None,
            lifetime=_LIFETIME,
            input_tokens=100,
            known_epoch=self.epoch,
        )
        granted = await self.leases.acquire(order, (), self.secrets.mark)
        self.epoch = granted.withdrawals.epoch
        return granted.leases

    async def settle(self, leases: Sequence[LeaseRow], **fields: Any) -> None:
        """Settle leases, as succeeded unless fields say otherwise."""
        rows = [
            OutcomeRow(
                raw_id=lease.raw_id,
                report_id="",
                pool=self.name,
                key_id=lease.key_id,
                project_id=lease.project_id,
                model=lease.raw_id.split("/")[2],
                client_id="c",
                **({"outcome": Outcome.SUCCEEDED} | fields),
            )
            for lease in leases
        ]
        settled = await self.leases.settle(rows, self.name, self.epoch)
        self.epoch = settled.withdrawals.epoch

    async def use_every_key(self, model: str) -> None:
        """Use each key once with a model."""
        done = 0
        while done < self.size:
            leases = await self.acquire(min(_AT_ONCE, self.size - done), model)
            done += len(leases)
            await self.settle(leases)

    async def declare_limits(self) -> None:
        """Declare all three limits, so wide that none is met."""
        rows = {"t/all/*": orjson.dumps({"rpm": 6000, "tpm": 10**9, "rpd": 10**6}).decode()}
        await self.redis.hset(pool_key(self.name, "quotas"), mapping=cast("Any", rows))
        listed = await self.redis.zrange(pool_key(self.name, "admitted"), 0, -1)
        projects = cast("list[bytes]", listed)
        for first in range(0, len(projects), 1000):
            async with self.redis.pipeline(transaction=False) as pipe:
                for project in projects[first : first + 1000]:
                    pipe.hset(pool_key(self.name, "project", project.decode()), "tier", "all")
                await pipe.execute()
        await self.leases.quotas_changed(self.name)

    async def cool(self, share: float) -> None:
        """Cool a share of the projects for longer than a bench takes."""
        done = 0
        while done < self.size * share:
            leases = await self.acquire(max(1, min(_AT_ONCE, self.size // 10)))
            done += len({lease.project_id for lease in leases})
            await self.settle(
                leases,
                outcome=Outcome.FAILED,
                effect=Effect.COOL_MODEL,
                cool_for=timedelta(minutes=30),
                rule_id="quota.minute",
            )


async def fill(redis: Redis, name: str, size: int) -> Pool:
    """Return a pool of so many new keys."""
    vault, identity = Vault("a key-encryption key for a bench"), Identity()
    identity.load(vault.first_pepper())
    secrets = KeySecrets(vault)
    port = RedisPort(redis)
    keys = Keys(RedisKeyStore(port), identity, secrets)
    for first in range(0, size, _KEYS_AT_ONCE):
        numbers = range(first, min(first + _KEYS_AT_ONCE, size))
        await keys.create(
            name, [NewKey(f"AIzaBench{name}{number:032d}"[-39:]) for number in numbers]
        )
    return Pool(redis, name, size, RedisLeaseStore(port), secrets)
