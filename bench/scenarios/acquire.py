"""What a lease costs in Redis, from ten keys to a hundred thousand.

Microseconds of the script alone, as the server counts them, and of a whole call as its caller
waits for it. A block of 32 is a call for up to 32 projects, so the pool that others are compared
with has 64; of 10, each would serve several of its leases.
"""

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.keypool.pool import Pool
from bench.keypool.pools import Pools, State
from bench.scenario import Column, Sample, Scenario, Ways
from bench.stage import Stage
from bench.stats import percentile

_LARGEST = 100_000
_CALLS = 200
_NEW_MODEL_CALLS = 2_000

COLUMNS = (
    Column("acquire p50 µs"),
    Column("acquire p99 µs"),
    Column("caller p50 µs"),
    Column("settle p50 µs"),
)
NEW_MODEL_COLUMNS = (
    Column("acquire p50 µs"),
    Column("acquire p99 µs"),
    Column("longest µs"),
    Column("longest of the processor µs"),
)


def open_sizes(
    state: State, count: int, sizes: tuple[int, ...], stage: Stage, _: ExitStack
) -> Ways:
    """Prepare pools of several sizes."""
    pools = stage.shared(_started_pools)
    return {
        f"{size:,} keys": partial(_measure, stage, pools, stage.run(pools.pool(size, state)), count)
        for size in sizes
    }


def _started_pools(stage: Stage) -> Pools:
    async def start() -> Pools:
        return Pools.start(stage.stack)

    return stage.run(start())


def _measure(stage: Stage, pools: Pools, pool: Pool, count: int) -> Sample:
    return stage.run(_time_calls(pools, pool, count))


async def _time_calls(pools: Pools, pool: Pool, count: int) -> Sample:
    acquires, calls, settles = [], [], []
    for _ in range(_CALLS):
        before = await pools.script_micros()
        began = time.perf_counter()
        leases = await pool.acquire(count)
        calls.append((time.perf_counter() - began) * 1e6)
        between = await pools.script_micros()
        await pool.settle(leases)
        acquires.append(between - before)
        settles.append(await pools.script_micros() - between)
    return {
        "acquire p50 µs": percentile(acquires, 0.5),
        "acquire p99 µs": percentile(acquires, 0.99),
        "caller p50 µs": percentile(calls, 0.5),
        "settle p50 µs": percentile(settles, 0.5),
    }


def open_new_model(stage: Stage, _: ExitStack) -> Ways:
    """Prepare orders for models that were never used."""
    pools = stage.shared(_started_pools)
    pool = stage.run(pools.pool(_LARGEST, State.UNLIMITED))
    return {
        f"{count} lease{'s' * (count > 1)}": partial(
            _measure_first_calls, stage, pools, pool, count
        )
        for count in (1, 32)
    }


def _measure_first_calls(stage: Stage, pools: Pools, pool: Pool, count: int) -> Sample:
    return stage.run(_time_first_calls(pools, pool, count))


async def _time_first_calls(pools: Pools, pool: Pool, count: int) -> Sample:
    model = f"never-used-{time.perf_counter_ns()}"
    times, spent = [], []
    for _ in range(_NEW_MODEL_CALLS):
        before, spent_before = await pools.script_micros(), _processor_micros(pools.pid)
        leases = await pool.acquire(count, model)
        spent.append(_processor_micros(pools.pid) - spent_before)
        times.append(await pools.script_micros() - before)
        await pool.settle(leases)
    return {
        "acquire p50 µs": percentile(times, 0.5),
        "acquire p99 µs": percentile(times, 0.99),
        "longest µs": max(times),
        # Without what else the machine did meanwhile.
        "longest of the processor µs": max(spent),
    }


def _processor_micros(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1000


def _scenario(name: str, about: str, state: State, count: int, *sizes: int) -> Scenario:
    opened = partial(open_sizes, state, count, sizes)
    return Scenario(name, "keypool", about, COLUMNS, opened, compared="acquire p50 µs")


SCENARIOS = (
    _scenario("acquire", "One lease, no limits known", State.UNLIMITED, 1, 10, 64, 1_000, _LARGEST),
    _scenario("acquire-32", "32 leases, no limits known", State.UNLIMITED, 32, 64, 1_000, _LARGEST),
    Scenario(
        "acquire-new-model",
        "keypool",
        "The first orders for a model that was never used, 100,000 keys, 2,000 calls",
        NEW_MODEL_COLUMNS,
        open_new_model,
        rounds=1,
        warms_up=False,
    ),
    _scenario(
        "acquire-limited",
        "One lease, all three limits declared",
        State.LIMITED,
        1,
        *(10, 64, 1_000, _LARGEST),
    ),
    _scenario(
        "acquire-32-limited",
        "32 leases, all three limits declared",
        State.LIMITED,
        32,
        *(64, 1_000, _LARGEST),
    ),
    _scenario(
        "acquire-cooling",
        "One lease, nine in ten projects cooling",
        State.COOLING,
        1,
        *(1_000, _LARGEST),
    ),
    _scenario(
        "acquire-32-cooling",
        "32 leases, nine in ten projects cooling",
        State.COOLING,
        32,
        *(1_000, _LARGEST),
    ),
)
