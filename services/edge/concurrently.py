"""Several jobs at once, but not too many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def concurrently(limit: int, jobs: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Return the results of jobs in their order.

    Args:
        limit: How many run at the same time.
        jobs: What to do. When one fails, the others are cancelled and its error is raised.
    """
    gate = asyncio.Semaphore(limit)

    async def run(job: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await job()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(job)) for job in jobs]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
