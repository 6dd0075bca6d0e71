"""Connections to the master that Sentinel names at the moment."""

import asyncio
from typing import Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool


class SharedSentinel(Sentinel):
    """Asks the Sentinels one question at a time, for all who want to know.

    After a failover every connection asks at once. Besides the herd, redis-py
    changes the order of its Sentinels while it asks: two questions at one time
    can make it forget one of them.
    """

    def __init__(self, nodes: list[tuple[str, int]], options: dict[str, Any]) -> None:
        """Take the places of the Sentinels, and how to connect to them."""
        super().__init__(nodes, sentinel_kwargs=options)  # type: ignore[no-untyped-call]  # redis-py
        self._asking: asyncio.Task[tuple[str, int]] | None = None

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return host and port of the master.

        Raises:
            MasterNotFoundError: No Sentinel names one.
        """
        if self._asking is None:
            self._asking = asyncio.create_task(super().discover_master(service_name))
            self._asking.add_done_callback(self._answered)
        return await asyncio.shield(self._asking)

    def _answered(self, task: asyncio.Task[tuple[str, int]]) -> None:
        self._asking = None
        if not task.cancelled():
            # Whoever asked may have given up: then nobody else reads the error.
            task.exception()

    async def aclose(self) -> None:
        """Close the ways to the Sentinels."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})
        await super().aclose()


class SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Makes callers wait for a connection to the master when all are used.

    Closing it closes the ways to the Sentinels, too.
    """

    def __init__(self, service: str, sentinel: SharedSentinel, **options: Any) -> None:
        """Take what the master is called, and whom to ask for it."""
        super().__init__(service, sentinel, **options)  # type: ignore[no-untyped-call]  # redis-py
        self._sentinel = sentinel

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        await self._sentinel.aclose()
