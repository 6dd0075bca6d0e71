"""The one way in which services open Redis, be it one server, Sentinel's or a cluster."""

from typing import Any, cast

from redis.asyncio import (
    BlockingConnectionPool,
    Connection,
    Redis,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AskError,
    ClusterError,
    ReadOnlyError,
    RedisError,
    SlotNotCoveredError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from services.kit.redis_cluster import BoundedCluster
from services.kit.redis_sentinel import SentinelPool, SharedSentinel
from services.kit.redis_url import RedisAddress, Topology, read_redis_url

UNAVAILABLE = (
    RedisConnectionError,
    RedisTimeoutError,
    OSError,
    # What a cluster or a new replica says while its parts change places.
    ClusterError,
    SlotNotCoveredError,
    AskError,
    TryAgainError,
    ReadOnlyError,
)
"""What redis-py raises when no server can do the work in time."""

__all__ = ["UNAVAILABLE", "RedisError", "open_redis"]

_CONNECTIONS = 64


def open_redis(url: str, *, name: str, timeout: float = 2) -> Redis:
    """Return a client over a pool of connections; nothing is connected yet.

    Replies are bytes. A broken connection is tried again once at once, which
    covers a server that was restarted: callers must make their commands safe
    to repeat. Behind Sentinel each new connection goes to the master of that
    moment. In a cluster all keys of a command or script must share one slot.

    Args:
        url: See `read_redis_url`.
        name: Shown by `CLIENT LIST`.
        timeout: For connecting and for each reply, in seconds.

    Raises:
        ValueError: The URL cannot be read.
    """
    address = read_redis_url(url)
    socket_options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
    }
    if not address.socket_path:
        socket_options["socket_keepalive"] = True
    options: dict[str, Any] = socket_options | {
        "username": address.username,
        "password": address.password,
        "client_name": name,
        "health_check_interval": 15,
        "retry": Retry(ExponentialWithJitterBackoff(cap=0.2, base=0.02), retries=1),
    }
    if address.topology is Topology.CLUSTER:
        nodes = [ClusterNode(host, port) for host, port in address.nodes]
        cluster = BoundedCluster(
            startup_nodes=nodes, ssl=address.is_tls, room=_CONNECTIONS, **options, **address.tls
        )
        # It takes the same commands; only its construction differs.
        return cast("Redis", cluster)
    # A full pool makes callers wait for a connection; the plain pool would fail them.
    options |= {
        "timeout": timeout,
        "max_connections": _CONNECTIONS,
        "retry_on_error": [RedisConnectionError],
        "db": address.database,
    }
    if address.topology is Topology.SENTINEL:
        sentinel = _open_sentinel(address, socket_options)
        pool = SentinelPool(address.service, sentinel, ssl=address.is_tls, **options, **address.tls)
        return Redis.from_pool(pool)
    return Redis.from_pool(BlockingConnectionPool(**_place(address), **options, **address.tls))


def _open_sentinel(address: RedisAddress, socket_options: dict[str, Any]) -> SharedSentinel:
    login = {"username": address.sentinel_username, "password": address.sentinel_password}
    tls = {"ssl": True, **address.tls} if address.is_tls else {}
    return SharedSentinel(list(address.nodes), socket_options | login | tls)


def _place(address: RedisAddress) -> dict[str, Any]:
    """Return where a single server is, as a connection pool wants it."""
    if address.socket_path:
        return {"connection_class": UnixDomainSocketConnection, "path": address.socket_path}
    [(host, port)] = address.nodes
    kind = SSLConnection if address.is_tls else Connection
    return {"connection_class": kind, "host": host, "port": port}
