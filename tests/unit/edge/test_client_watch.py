"""Watching clients while their answers are made."""

import asyncio
import gc
import weakref
from collections.abc import MutableMapping
from typing import Any

import pytest

from services.edge.disconnect import ClientWatch
from services.edge.http import ClientLeftError, Exchange

SCOPE = {"method": "POST", "path": "/", "query_string": b"", "headers": []}


def exchange(has_left: asyncio.Event) -> Exchange:
    async def receive() -> MutableMapping[str, Any]:
        await has_left.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        raise AssertionError("nothing to send")

    return Exchange(SCOPE, receive, send)


async def test_a_client_that_leaves_ends_the_work() -> None:
    has_left = asyncio.Event()
    with pytest.raises(ClientLeftError):
        async with ClientWatch(exchange(has_left), delay=0):
            has_left.set()
            await asyncio.Event().wait()


async def test_what_was_watched_is_free_at_once() -> None:
    watched = exchange(asyncio.Event())
    watch = ClientWatch(watched, delay=0)
    async with watch:
        while len(asyncio.all_tasks()) == 1:
            await asyncio.sleep(0)
        # The watcher has begun now, and waits.
        await asyncio.sleep(0)
    while len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0)
    left = weakref.ref(watch)
    gc.disable()
    try:
        del watch
        assert left() is None
    finally:
        gc.enable()
