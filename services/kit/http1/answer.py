"""The answer to one request, as far as it has arrived."""

import asyncio
from typing import Protocol

from services.kit.http1.reply import ExchangeError, Headers, Sink

_HELD = 256 * 1024
"""Bytes of a body that may wait for their reader before the server is slowed down."""


class Source(Protocol):
    """What an answer arrives over."""

    def touch(self) -> None:
        """Note that the server's silence counts from now on."""

    def hold_back(self, *, full: bool) -> None:
        """Stop or go on reading from the server."""

    def fail(self, error: ExchangeError | None = None) -> None:
        """Close the connection at once; whoever waits for an answer gets the error."""


class Answer:
    """A status, headers, and a body whose pieces wait for their reader."""

    __slots__ = (
        "_connection",
        "_error",
        "_held",
        "_pieces",
        "_sink",
        "_waiter",
        "has_body",
        "has_ended",
        "headers",
        "is_full",
        "lasts_until_close",
        "status",
    )

    def __init__(self, connection: Source, *, has_body: bool) -> None:
        """Expect an answer over a connection."""
        self._connection = connection
        self._error: ExchangeError | None = None
        self._pieces: list[bytes] = []
        self._held = 0
        self._sink: Sink | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self.has_body = has_body
        self.has_ended = False
        self.headers: Headers = []
        self.is_full = False
        self.lasts_until_close = False
        self.status = 0

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for more."""
        return self._waiter is not None

    def take_in(self, data: bytes) -> None:
        """Keep a piece of the body until it is read."""
        self._pieces.append(data)
        self._held += len(data)
        if self._held > _HELD and not self.is_full:
            self.is_full = True
            self._connection.hold_back(full=True)

    def end(self, error: ExchangeError | None) -> None:
        """Note that nothing more will come."""
        if not self.has_ended:
            self.has_ended, self._error = True, error
            self.wake()

    def wake(self) -> None:
        """Let whoever waits look again."""
        waiter = self._waiter
        if waiter is None or waiter.done() or not (self.status or self.has_ended):
            return
        if self._sink is None or self.has_ended:
            waiter.set_result(True)
        elif self._pieces:
            try:
                if not self._sink.take(self._released()):
                    waiter.set_result(False)
            except Exception as error:  # noqa: BLE001 - it is for whoever gave the sink
                waiter.set_exception(error)

    async def head(self) -> "Answer":
        """Wait until the status and the headers are there; return self.

        Raises:
            ExchangeError: They never came.
        """
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait()
        return self

    async def read(self) -> bytes:
        """See `Reply.read`."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.has_ended:
                return b""
            await self._wait()
        return self._released()

    async def deliver(self, sink: Sink) -> None:
        """See `Reply.deliver`."""
        while True:
            if self._pieces:
                takes_more = sink.take(self._released())
            elif self._error is not None:
                raise self._error
            elif self.has_ended:
                return
            else:
                self._sink = sink
                try:
                    takes_more = await self._wait()
                finally:
                    self._sink = None
            if not takes_more:
                await sink.ready()

    async def close(self) -> None:
        """See `Reply.close`."""
        if not self.has_ended:
            self._connection.fail()

    def _released(self) -> bytes:
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._held = 0
        if self.is_full:
            self.is_full = False
            if not self.has_ended:
                self._connection.hold_back(full=False)
        return data

    async def _wait(self) -> bool:
        """Wait until there is more to be seen; False when the sink has to get ready first."""
        self._connection.touch()
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        try:
            return await waiter
        finally:
            self._waiter = None
            if waiter.done() and not waiter.cancelled():
                # Seen, even if the task was cancelled in the same step.
                waiter.exception()
