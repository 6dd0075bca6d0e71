"""The store that `REDIS_URL` names, in place of our own."""

import asyncio

from services.cli.errors import BadSettingError, CommandError
from services.kit.redis_client import UNAVAILABLE, RedisError, open_redis

_PAUSE_SECONDS = 0.05
_STORE_SECONDS = 5.0


async def require_store(url: str) -> None:
    """Return once the store answers.

    Raises:
        CommandError: It does not, or the URL cannot be read.
    """
    try:
        async with asyncio.timeout(_STORE_SECONDS):
            await _answers(url)
    except TimeoutError as error:
        raise CommandError(
            f"REDIS_URL: the store gives no answer within {_STORE_SECONDS:g} s;"
            " without REDIS_URL `up` runs a store of its own"
        ) from error
    except ValueError as error:
        raise BadSettingError("REDIS_URL", str(error)) from error


async def _answers(url: str) -> None:
    redis = open_redis(url, name="up")
    try:
        while True:
            try:
                await redis.ping()
            except (*UNAVAILABLE, RedisError):
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
    finally:
        await redis.aclose()
