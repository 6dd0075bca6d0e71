"""Ending the work for a client that has left."""

import asyncio
from types import TracebackType

from services.edge.http import ClientLeftError, Exchange

_DELAY = 0.2


class ClientWatch:
    """Cancels the block when the client closes its connection.

    ASGI tells of it only to whoever calls `receive`, so somebody must; short
    requests are over before it is worth a task.
    """

    def __init__(self, exchange: Exchange, *, delay: float = _DELAY) -> None:
        """Watch the client of an exchange whose body was read, from `delay` seconds on."""
        self._exchange = exchange
        self._delay = delay
        self._left = False
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        """Begin to watch."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._timer = loop.call_later(self._delay, self._start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching; raise ClientLeftError if the client's leaving ended the block."""
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
            # It knows this object: the two, and the whole request, would live until a collection.
            self._watcher = None
        if self._left and isinstance(error, asyncio.CancelledError):
            self._task.uncancel()
            raise ClientLeftError from None

    def _start(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._exchange.receive())["type"] != "http.disconnect":
            pass
        self._left = True
        self._task.cancel()
