"""Work that goes on beside what a service serves, and its end."""

import asyncio
from collections.abc import Collection
from typing import Any

_AGAIN_SECONDS = 0.1


async def end_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until all have ended; how each ended is its owner's to see.

    Once is not always enough: on Python 3.11 `asyncio.wait_for`, with which Redis's client
    sends, loses a cancellation that comes in the moment in which it is done.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
