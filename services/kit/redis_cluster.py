"""A client of a cluster that makes callers wait where redis-py would fail them."""

import asyncio
from typing import Any

from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterPipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException


class BoundedCluster(RedisCluster):
    """Runs a limited number of commands and of pipelines at one time.

    A node of redis-py refuses a command when all its connections are in use;
    here the command waits before it comes so far.
    """

    def __init__(self, *, room: int, **options: Any) -> None:
        """Take the options of `RedisCluster`.

        Args:
            room: So many commands, and so many pipelines, run at one time.
            options: See `RedisCluster`.
        """
        # A pipeline sends redirected commands one by one while it holds its own place:
        # were both to share their places, pipelines could wait for each other for ever.
        self._commands = asyncio.Semaphore(room)
        self._pipelines = asyncio.Semaphore(room)
        super().__init__(max_connections=2 * room + 1, **options)

    async def initialize(self, *args: Any, **options: Any) -> "BoundedCluster":
        """Learn who serves which slot.

        Raises:
            RedisConnectionError: No node could tell.
        """
        try:
            await super().initialize(*args, **options)
        except RedisClusterException as error:
            # Otherwise this looks like a mistake of ours, and is not one.
            raise RedisConnectionError(str(error)) from error
        return self

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command on the node that it belongs to."""
        async with self._commands:
            return await super().execute_command(*args, **options)

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> ClusterPipeline:
        """Return a pipeline; its commands reach each node in their order."""
        del shard_hint
        return _BoundedPipeline(self, transaction, self._pipelines)  # type: ignore[abstract]  # redis-py declares an attribute that it never defines


class _BoundedPipeline(ClusterPipeline):
    def __init__(self, cluster: RedisCluster, transaction: Any, places: asyncio.Semaphore) -> None:
        super().__init__(cluster, transaction)
        self._places = places

    async def execute(
        self, raise_on_error: bool = True, allow_redirections: bool = True
    ) -> list[Any]:
        async with self._places:
            return await super().execute(raise_on_error, allow_redirections)
