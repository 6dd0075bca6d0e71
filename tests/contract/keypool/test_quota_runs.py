"""Random runs against the promises: never over, never forgotten, counted once.

What is judged is judged by the limits in force when the last of the requests in question was
granted.
"""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from services.keypool.quota_day import ends_of_day
from services.keypool.redis_keys import pool_key
from services.kit.redis_client import open_redis
from tests.contract.keypool.clocked import POOL, Clocked
from tests.contract.keypool.packed_state import State, read_state
from tests.contract.keypool.random_runs import MODELS, Run

MINUTE = 60_000


async def check(run: Run) -> None:
    now = await run.now()
    await check_keys(run, now)
    for model in MODELS:
        for project in range(len(run.projects)):
            check_starts(run, f"p{project}", model)
            packed = await run.pool.packed_state(model, f"p{project}")
            if packed:
                state = read_state(packed)
                check_log(run, state, f"p{project}", model, now)
                await check_score(run, state, f"p{project}", model, now)


def check_starts(run: Run, project: str, model: str) -> None:
    """I1 and I2: in no minute more than allowed, in no day more than allowed."""
    started = sorted(
        (
            request
            for request in run.requests
            if request.start is not None
            and request.lease.project_id == project
            and request.lease.model == model
        ),
        key=lambda request: request.start or 0,
    )
    recent = [request for request in started if request.step >= run.step - 60]
    for request in recent[-30:]:
        assert request.start is not None
        within = [
            other
            for other in started
            if request.start - MINUTE < (other.start or 0) <= request.start
        ]
        last = max(within, key=lambda other: other.step)
        assert len(within) <= last.limits.get("rpm", 10**9), (project, model, within)
        if "tpm" in last.limits:
            used = sum(other.tokens_known_at(last.step) for other in within)
            # What was used beyond its estimate before the last grant pushes that one away.
            assert used <= last.limits["tpm"], (project, model, within)
        end = ends_of_day(datetime.fromtimestamp(request.start / 1000, UTC), 1)[0]
        today = [
            other
            for other in started
            if ends_of_day(datetime.fromtimestamp((other.start or 0) / 1000, UTC), 1)[0] == end
        ]
        last = max(today, key=lambda other: other.step)
        assert len(today) <= last.limits.get("rpd", 10**9), (project, model)


def check_log(run: Run, state: State, project: str, model: str, now: int) -> None:
    """I6: the log is in order, and holds all that has started."""
    lasts = [entry.last for entry in state.log]
    assert lasts == sorted(lasts)
    starts = [
        request.start
        for request in run.requests
        if request.start is not None
        and request.start > now - MINUTE
        and request.lease.project_id == project
        and request.lease.model == model
    ]
    for time in {now, *starts[-5:]}:
        if time < now:
            continue
        counted = sum(start <= time < start + MINUTE for start in starts)
        assert state.used_at(time, MINUTE)[0] >= counted


async def check_score(run: Run, state: State, project: str, model: str, now: int) -> None:
    """I4: nobody is sent away longer than need be, and nobody is lost."""
    live = await run.pool.redis.zrange(pool_key(POOL, "live", project), 0, -1)
    score = await run.pool.redis.zscore(pool_key(POOL, "order", model), project)
    if not live:
        return
    if score is None:
        number = await run.pool.redis.zscore(pool_key(POOL, "admitted"), project)
        rows = await run.pool.redis.zrange(pool_key(POOL, "order", model), 0, 0, withscores=True)
        assert number > (-1e15 - rows[0][1] if rows else 0), (project, model)
        return
    # A limit that was learned may count as well, or not: the score allows for either.
    limits = {
        kind: min(run.limits[project].get(kind, 10**9), state.learned.get(kind, 10**9))
        for kind in {*run.limits[project], *state.learned}
    }
    size = -(-limits["tpm"] // 4) if "tpm" in limits else 0
    truth = max(state.rank, state.earliest(now, size, limits, MINUTE, 0))
    for key_id in live:
        room = run.rooms.get(key_id.decode(), 0)
        rows = await run.pool.redis.zrange(
            pool_key(POOL, "leases", key_id.decode()), 0, -1, withscores=True
        )
        if room == 0 or len(rows) < room:
            break
    else:
        # All keys are full: until the first lease lapses, at the latest.
        return
    assert score <= truth + 1e-6, (project, model, score - truth, limits, state)


async def check_keys(run: Run, now: int) -> None:
    """I3: no key serves more at a time than it may."""
    for key_id, room in run.rooms.items():
        name = pool_key(POOL, "leases", key_id)
        assert await run.pool.redis.zcount(name, f"({now}", "+inf") <= room


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = open_redis(redis_url, name="runs")
    yield client
    await client.aclose()


async def finish(redis: Any, seed: int, steps: int) -> Run:
    draw = random.Random(seed)
    projects = [draw.randint(1, 3) for _ in range(draw.randint(1, 5))]
    one = Run(Clocked(redis), draw, projects)
    await one.begin()
    for _ in range(steps):
        try:
            await one.act()
            await check(one)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {one.step}: {error}") from error
    return one


@pytest.mark.parametrize("seed", range(10))
async def test_no_run_breaks_a_promise(redis: Any, seed: int) -> None:
    done = await finish(redis, seed, 250)

    # A run in which nothing is granted shows nothing.
    assert done.granted > 20


@pytest.mark.stress
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1000, 1060))
async def test_no_long_run_breaks_a_promise(redis: Any, seed: int) -> None:
    done = await finish(redis, seed, 1500)

    # Some runs have one project whose only key is paused most of the time.
    assert done.granted > 20
