"""What a lease costs in Redis, from ten keys to a hundred thousand.

Run with `python bench/keypool_bench.py [SIZES...]`. Starts a Valkey of its own. Tables, in
microseconds as the server counts them for the script alone, and as the caller sees them:

- `acquire` and `settle` of one lease and of 32, sizes taken in turns so that a machine that
  is busy for a while slows all of them;
- with a share of the projects cooling down, and with limits declared for all;
- bytes per key, and per key for each model in use.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

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
from services.kit.redis_client import open_redis
from services.kit.vault import Vault
from tests.support.valkey import started_valkey

SIZES = (10, 1_000, 100_000)
ROUNDS = 5
CALLS = 200
MINUTE = timedelta(minutes=1)


@dataclass
class Bench:
    """A pool of one size."""

    redis: Redis
    pool: str
    size: int
    leases: RedisLeaseStore
    secrets: KeySecrets

    async def acquire(self, count: int, model: str = "m") -> tuple[LeaseRow, ...]:
        order = LeaseOrder(
            request_id=f"/{time.perf_counter_ns()}",
            pool=self.pool,
            model=model,
            count=count,
            client_id="c",
            hold=None,
            lifetime=MINUTE,
            input_tokens=100,
        )
        return (await self.leases.acquire(order, (), self.secrets.mark)).leases

    async def settle(self, leases: Sequence[LeaseRow], **fields: Any) -> None:
        rows = [
            OutcomeRow(
                raw_id=lease.raw_id,
                report_id="",
                pool=self.pool,
                key_id=lease.key_id,
                project_id=lease.project_id,
                model=lease.raw_id.split("/")[2],
                client_id="c",
                **({"outcome": Outcome.SUCCEEDED} | fields),
            )
            for lease in leases
        ]
        await self.leases.settle(rows, self.pool, 0)


async def server_micros(redis: Redis) -> float:
    stats = await redis.info("commandstats")
    return float(stats.get("cmdstat_evalsha", {}).get("usec", 0))


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


async def measure(bench: Bench, count: int) -> dict[str, list[float]]:
    """Return the micros of `CALLS` acquires and settles, by server and by caller."""
    found: dict[str, list[float]] = {"acquire": [], "call": [], "settle": []}
    for _ in range(CALLS):
        before = await server_micros(bench.redis)
        began = time.perf_counter()
        leases = await bench.acquire(count)
        found["call"].append((time.perf_counter() - began) * 1e6)
        between = await server_micros(bench.redis)
        await bench.settle(leases)
        found["acquire"].append(between - before)
        found["settle"].append(await server_micros(bench.redis) - between)
    return found


async def table(title: str, benches: Sequence[Bench]) -> None:
    columns = ("keys", "n", "acquire p50", "acquire p99", "call p50", "settle p50")
    print(f"\n{title}\n" + " ".join(f"{column:>11}" for column in columns))
    for count in (1, 32):
        rounds: dict[int, list[dict[str, list[float]]]] = {bench.size: [] for bench in benches}
        for _ in range(ROUNDS):
            for bench in benches:
                rounds[bench.size].append(await measure(bench, count))
        medians = {}
        for bench in benches:
            runs = rounds[bench.size]

            def median(name: str, part: float, runs: list[dict[str, list[float]]] = runs) -> float:
                return statistics.median(percentile(run[name], part) for run in runs)

            medians[bench.size] = median("acquire", 0.5)
            values = [
                median("acquire", 0.5),
                median("acquire", 0.99),
                median("call", 0.5),
                median("settle", 0.5),
            ]
            row = [bench.size, count, *(round(value) for value in values)]
            print(" ".join(f"{value:>11}" for value in row))
        if len(medians) > 1:
            ratio = medians[benches[-1].size] / medians[benches[0].size]
            print(f"n={count}: largest / smallest = {ratio:.2f}")


async def fill(redis: Redis, size: int) -> Bench:
    pool = f"bench{size}"
    vault, identity = Vault("a key-encryption key for a bench"), Identity()
    identity.load(vault.first_pepper())
    secrets = KeySecrets(vault)
    port = RedisPort(redis)
    keys = Keys(RedisKeyStore(port), identity, secrets)
    for first in range(0, size, 500):
        await keys.create(
            pool,
            [
                NewKey(f"AIzaBench{pool}{number:032d}"[-39:])
                for number in range(first, min(first + 500, size))
            ],
        )
    return Bench(redis, pool, size, RedisLeaseStore(port), secrets)


async def used_bytes(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])


async def cool(bench: Bench, share: float) -> None:
    """Cool a share of the projects that have been used."""
    done = 0
    while done < bench.size * share:
        leases = await bench.acquire(64)
        done += len({lease.project_id for lease in leases})
        await bench.settle(
            leases,
            outcome=Outcome.FAILED,
            effect=Effect.COOL_MODEL,
            cool_for=timedelta(minutes=30),
            rule_id="quota.minute",
        )


async def main(sizes: Sequence[int]) -> None:
    with started_valkey() as server:
        redis = open_redis(server.url, name="bench")
        benches: list[Bench] = []
        print("memory, bytes a key\n    keys   at rest  per model in use")
        for size in sizes:
            before = await used_bytes(redis)
            bench = await fill(redis, size)
            rest = await used_bytes(redis) - before
            leases: list[LeaseRow] = []
            while len(leases) < size:
                leases += await bench.acquire(min(64, size - len(leases)), "first")
            for first in range(0, len(leases), 500):
                await bench.settle(leases[first : first + 500])
            # Replies are kept for calls that are repeated, a few seconds.
            await asyncio.sleep(6)
            await redis.execute_command("MEMORY", "PURGE")
            once = await used_bytes(redis) - before - rest
            print(f"{size:>8} {rest / size:>9.0f} {once / size:>17.0f}")
            benches.append(bench)
        await table("no limits", benches)
        for bench in benches:
            rows = {"t/all/*": orjson.dumps({"rpm": 6000, "tpm": 10**9, "rpd": 10**6})}
            await redis.hset(pool_key(bench.pool, "quotas"), mapping=rows)
            projects = await redis.zrange(pool_key(bench.pool, "admitted"), 0, -1)
            for first in range(0, len(projects), 1000):
                async with redis.pipeline(transaction=False) as pipe:
                    for project in projects[first : first + 1000]:
                        pipe.hset(pool_key(bench.pool, "project", project.decode()), "tier", "all")
                    await pipe.execute()
            await bench.leases.quotas_changed(bench.pool)
        await table("all three limits declared", benches)
        for bench in benches:
            await cool(bench, 0.9)
        await table("nine in ten cooling", benches)
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main([int(size) for size in sys.argv[1:]] or SIZES))
