"""What a lease costs in Redis, from ten keys to a hundred thousand.

Run with `python -m bench.keypool_bench [SIZES...]`. Starts a Valkey of its own; nothing else
should keep the machine busy. It prints Markdown:

- bytes a key, and for each model in use with it: one that was used once with every key, within
  the last minutes, and settled. By `used_memory`, less what was used before; so with all tables
  and their room to grow. Replies that are kept for repeated calls end after seconds, but the
  server drops what has ended in its own time: they are counted apart, then looked up, which
  drops them.
- `acquire` and `settle` of one lease and of 32: microseconds as the server counts them for the
  script alone, and as the caller waits for an acquire. Sizes take turns, so that a machine that
  is busy for a while slows all of them; each number is the median of the rounds. Every model has
  met all projects before, and every project has been used. A block of 32 is a call for up to 32
  projects, so the pool it is compared with has 64; of 10, each serves several of its leases.
- the largest time that one script took while a model that was never used was asked for at first,
  and the largest processor time that the server spent on one such call, which does not count
  what else the machine did meanwhile.
"""

import asyncio
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
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

SIZES = (10, 64, 1_000, 100_000)
ROUNDS = 7
CALLS = 200
NEW_MODEL_CALLS = 2_000
MINUTE = timedelta(minutes=1)
MODELS = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite")
BAR = 1.3


@dataclass
class Bench:
    """A pool of one size."""

    redis: Redis
    pool: str
    size: int
    leases: RedisLeaseStore
    secrets: KeySecrets
    epoch: int = 0

    async def acquire(self, count: int, model: str = MODELS[0]) -> tuple[LeaseRow, ...]:
        order = LeaseOrder(
            request_id=f"/{time.perf_counter_ns():032x}",
            pool=self.pool,
            model=model,
            count=count,
            client_id="c",
            hold=None,
            lifetime=MINUTE,
            input_tokens=100,
            known_epoch=self.epoch,
        )
        granted = await self.leases.acquire(order, (), self.secrets.mark)
        self.epoch = granted.withdrawals.epoch
        return granted.leases

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
        settled = await self.leases.settle(rows, self.pool, self.epoch)
        self.epoch = settled.withdrawals.epoch

    async def use_every_key(self, model: str) -> None:
        done = 0
        while done < self.size:
            leases = await self.acquire(min(64, self.size - done), model)
            done += len(leases)
            await self.settle(leases)


async def server_micros(redis: Redis) -> float:
    stats = await redis.info("commandstats")
    return float(stats.get("cmdstat_evalsha", {}).get("usec", 0))


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


async def fill(redis: Redis, size: int) -> Bench:
    pool = f"b{size}"
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
    await redis.execute_command("MEMORY", "PURGE")
    return int((await redis.info("memory"))["used_memory"])


async def drop_what_has_ended(redis: Redis) -> None:
    """Look everything up: what has ended is dropped then at the latest."""
    await asyncio.sleep(6)
    async for _ in redis.scan_iter(count=10_000):
        pass


async def memory(redis: Redis, size: int) -> tuple[Bench, list[float]]:
    """Return a filled pool, and bytes a key: at rest, of replies, for each model in use."""
    before = await used_bytes(redis)
    bench = await fill(redis, size)
    found = [(await used_bytes(redis) - before) / size]
    for model in MODELS:
        before = await used_bytes(redis)
        await bench.use_every_key(model)
        with_replies = await used_bytes(redis)
        await drop_what_has_ended(redis)
        after = await used_bytes(redis)
        if model == MODELS[0]:
            found.append((with_replies - after) / size)
        found.append((after - before) / size)
    return bench, found


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
    print(f"\n### {title}\n")
    print("| leases | keys | acquire p50 | acquire p99 | caller p50 | settle p50 |")
    print("|---|---|---|---|---|---|")
    ratios = []
    for count in (1, 32):
        rounds: dict[int, list[dict[str, list[float]]]] = {bench.size: [] for bench in benches}
        for _ in range(ROUNDS):
            for bench in benches:
                rounds[bench.size].append(await measure(bench, count))
        medians = {}
        for size, runs in rounds.items():

            def median(name: str, part: float, runs: list[dict[str, list[float]]] = runs) -> float:
                return statistics.median(percentile(run[name], part) for run in runs)

            medians[size] = median("acquire", 0.5)
            row = (medians[size], median("acquire", 0.99), median("call", 0.5))
            numbers = " | ".join(f"{value:.0f}" for value in (*row, median("settle", 0.5)))
            print(f"| {count} | {size:,} | {numbers} |")
        base = min(size for size in medians if size > count)
        ratio = medians[max(medians)] / medians[base]
        ratios.append(f"{count}: {max(medians):,} keys to {base:,} keys {ratio:.2f} (bar {BAR})")
    print("\nRatios of acquire p50, leases " + "; ".join(ratios) + ".")


def processor_micros(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1000


async def first_calls(bench: Bench, pid: int) -> None:
    """Tell the largest times while a model that was never used is asked for at first."""
    print("\n### A model that was never used\n")
    columns = (
        "leases",
        "keys",
        "calls",
        "acquire p50",
        "p99",
        "largest",
        "of the processor",
        "bar",
    )
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for count in (1, 32):
        times, spent = [], []
        for _ in range(NEW_MODEL_CALLS):
            before, spent_before = await server_micros(bench.redis), processor_micros(pid)
            leases = await bench.acquire(count, f"never-used-{count}")
            spent.append(processor_micros(pid) - spent_before)
            times.append(await server_micros(bench.redis) - before)
            await bench.settle(leases)
        row = (percentile(times, 0.5), percentile(times, 0.99), max(times), max(spent))
        numbers = " | ".join(f"{value:.0f}" for value in row)
        print(f"| {count} | {bench.size:,} | {NEW_MODEL_CALLS:,} | {numbers} | 5000 |")


async def declare_limits(bench: Bench) -> None:
    rows = {"t/all/*": orjson.dumps({"rpm": 6000, "tpm": 10**9, "rpd": 10**6})}
    await bench.redis.hset(pool_key(bench.pool, "quotas"), mapping=rows)
    projects = await bench.redis.zrange(pool_key(bench.pool, "admitted"), 0, -1)
    for first in range(0, len(projects), 1000):
        async with bench.redis.pipeline(transaction=False) as pipe:
            for project in projects[first : first + 1000]:
                pipe.hset(pool_key(bench.pool, "project", project.decode()), "tier", "all")
            await pipe.execute()
    await bench.leases.quotas_changed(bench.pool)


async def cool(bench: Bench, share: float) -> None:
    """Cool a share of the projects."""
    done = 0
    while done < bench.size * share:
        leases = await bench.acquire(min(64, bench.size // 10))
        done += len({lease.project_id for lease in leases})
        await bench.settle(
            leases,
            outcome=Outcome.FAILED,
            effect=Effect.COOL_MODEL,
            cool_for=timedelta(minutes=30),
            rule_id="quota.minute",
        )


async def prepared(benches: Sequence[Bench], prepare: Callable[[Bench], Awaitable[None]]) -> None:
    for bench in benches:
        await prepare(bench)


async def main(sizes: Sequence[int]) -> None:
    with started_valkey() as server:
        redis = open_redis(server.url, name="bench")
        server_version = (await redis.info("server")).get("valkey_version", "?")
        print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, ", end="")
        print(f"Valkey {server_version}, redis-py {metadata.version('redis')}.")
        print("\n### Bytes a key\n\n| keys | at rest | replies, for 6 s ", end="")
        print("".join(f"| model {number} " for number in range(1, len(MODELS) + 1)) + "|")
        print("|---" * (3 + len(MODELS)) + "|")
        benches: list[Bench] = []
        for size in sizes:
            bench, found = await memory(redis, size)
            benches.append(bench)
            if size >= 1000:
                print(f"| {size:,} | " + " | ".join(f"{value:.0f}" for value in found) + " |")
        await table("No limits", benches)
        await first_calls(benches[-1], server.process.pid if server.process else 0)
        await prepared(benches, declare_limits)
        await table("All three limits declared", benches)
        await prepared(benches, lambda bench: cool(bench, 0.9))
        await table("Nine in ten projects cooling", [each for each in benches if each.size >= 1000])
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main([int(size) for size in sys.argv[1:]] or SIZES))
