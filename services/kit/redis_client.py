"""The one way in which services open Redis."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

UNAVAILABLE = (RedisConnectionError, RedisTimeoutError, OSError)
"""What redis-py raises when the server cannot be reached in time."""

__all__ = ["UNAVAILABLE", "RedisError", "open_redis"]


def open_redis(url: str, *, name: str, timeout: float = 2) -> "Redis":
    """Return a client over a pool of connections; nothing is connected yet.

    Replies are bytes. A broken connection is tried again once at once, which
    covers a server that was restarted: callers must make their commands safe
    to repeat.

    Args:
        url: Such as `redis://:password@host:6379/0` or `rediss://...`.
        name: Shown by `CLIENT LIST`.
        timeout: For connecting and for each reply, in seconds.
    """
    # A full pool makes callers wait for a connection; the plain pool would fail them.
    pool = BlockingConnectionPool.from_url(
        url,
        timeout=timeout,
        client_name=name,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        socket_keepalive=True,
        health_check_interval=15,
        max_connections=64,
        retry=Retry(ExponentialWithJitterBackoff(cap=0.2, base=0.02), retries=1),
        retry_on_error=[RedisConnectionError],
    )
    return Redis.from_pool(pool)
