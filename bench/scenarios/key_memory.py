"""What a key takes in Redis: bytes of `used_memory`, less what was used before.

Replies that are kept for repeated calls end after seconds, but the server drops what has ended in
its own time: they are counted apart, then looked up, which drops them.
"""

import asyncio
from contextlib import ExitStack
from functools import partial

from redis.asyncio import Redis

from bench.keypool.pool import MODELS, fill
from bench.scenario import Column, Sample, Scenario, Ways
from bench.stage import Stage
from services.kit.redis_client import open_redis
from tests.support.valkey import started_valkey

_SIZES = (10_000,)
_REPLIES_SECONDS = 6


def open_memory(stage: Stage, _: ExitStack) -> Ways:
    """Prepare pools, each in a Valkey of its own."""
    return {f"{size:,} keys": partial(_measure, stage, size) for size in _SIZES}


def _measure(stage: Stage, size: int) -> Sample:
    return stage.run(_count_bytes(size))


async def _count_bytes(size: int) -> Sample:
    with started_valkey() as server:
        redis = open_redis(server.url, name="bench")
        before = await _used_bytes(redis)
        pool = await fill(redis, "b", size)
        sample = {"at rest B": (await _used_bytes(redis) - before) / size}
        for number, model in enumerate(MODELS, 1):
            before = await _used_bytes(redis)
            await pool.use_every_key(model)
            with_replies = await _used_bytes(redis)
            await _drop_what_has_ended(redis)
            after = await _used_bytes(redis)
            sample.setdefault("replies B", (with_replies - after) / size)
            sample[f"model {number} B"] = (after - before) / size
        await redis.aclose()
    return sample


async def _used_bytes(redis: Redis) -> int:
    await redis.memory_purge()
    return int((await redis.info("memory"))["used_memory"])


async def _drop_what_has_ended(redis: Redis) -> None:
    """Look everything up: what has ended is dropped then at the latest."""
    await asyncio.sleep(_REPLIES_SECONDS)
    async for _ in redis.scan_iter(count=10_000):
        pass


SCENARIOS = (
    Scenario(
        "key-memory",
        "keypool",
        "Bytes a key in Redis: at rest, of replies kept for 6 s, and for each model in use",
        tuple(
            Column(name)
            for name in ("at rest B", "replies B", "model 1 B", "model 2 B", "model 3 B")
        ),
        open_memory,
        rounds=1,
        warms_up=False,
    ),
)
