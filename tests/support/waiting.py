"""Waiting for what must come true, with a deadline instead of a guess."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    read: Callable[[], Awaitable[T]], is_true: Callable[[T], bool], *, seconds: float = 10
) -> T:
    """Return the first reading that satisfies a condition.

    Raises:
        AssertionError: None did in time; the last one is quoted.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        value = await read()
        if is_true(value):
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"still {value!r} after {seconds} s")
        await asyncio.sleep(0.05)
