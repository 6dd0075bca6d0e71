"""Telling an open stream to its client, block by block as it arrives."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from services.edge.envelopes import Headers
from services.edge.errors import ApiError
from services.edge.failover import Attempts
from services.edge.http import Exchange
from services.edge.plain import told
from services.edge.streaming import OpenStream, StreamFailedError
from services.edge.usage import TokenUsage


class Voice(Protocol):
    """How one answer is told in one dialect. Kept for the length of the stream."""

    watch_finish: bool
    """Whether the end of the answer is to be looked for, because `say` does not."""

    breaks_off: bool
    """Whether the connection is broken after a failure was told."""

    @property
    def before(self) -> Callable[[bytes, str], Awaitable[None]] | None:
        """What is awaited with each block and its project before it is said, if anything."""

    @property
    def after(self) -> Callable[[], Awaitable[bytes]] | None:
        """What is awaited after a complete answer and returns the last of it, if anything."""

    def headers(self, upstream: Headers) -> Headers:
        """Return the head of the client's answer."""

    def opening(self) -> Headers:
        """Return the head of an answer whose upstream has not begun yet."""

    def heartbeat(self) -> bytes | None:
        """Return a sign of life that the dialect's clients do not notice, None if it has none."""

    def failed(self, body: bytes) -> bytes:
        """Return what tells in-band that all attempts failed, given the error's body."""

    def say(self, block: bytes) -> bytes:
        """Return what the client gets for a block of whole events; ValueError if it is none."""

    def is_finished(self) -> bool:
        """Whether the answer came to its own end; asked only without `watch_finish`."""

    def ending(self) -> bytes:
        """Return what follows a complete answer."""

    def failure(self, failure: StreamFailedError) -> bytes:
        """Return what tells of a failure in-band."""

    def usage(self) -> TokenUsage | None:
        """Return what the upstream counted; asked only without `watch_finish`."""


class Telling:
    """An open stream on its way to its client.

    A block goes out in the same step in which it came in: no task is woken for it.
    """

    __slots__ = ("_attempts", "_block", "_exchange", "_frames", "_stream", "_voice")

    def __init__(
        self, exchange: Exchange, attempts: Attempts, stream: OpenStream, voice: Voice
    ) -> None:
        """Take the stream, and whom to tell it in which way."""
        self._exchange = exchange
        self._attempts = attempts
        self._stream = stream
        self._voice = voice
        self._block = self._frames = b""

    async def run(self) -> None:
        """Pass the answer on to its end and settle it.

        Raises:
            StreamFailedError: It broke, or ended before its end.
            ValueError: It is no event stream.
        """
        stream, voice = self._stream, self._voice
        await stream.deliver(self)
        if not stream.reader.finished:
            raise stream.cut()
        usage = stream.reader.usage if voice.watch_finish else voice.usage()
        self._attempts.succeeded(stream.sent, usage)
        await self._tell(b"")

    def take(self, block: bytes) -> bool:
        """Tell a block, unless something is to be done before."""
        self._attempts.heard(self._stream.sent, block)
        block = self._attempts.in_clients_words(block)
        if self._voice.before is not None:
            self._block = block
            return False
        frames = self._voice.say(block)
        if not frames:
            return True
        if self._exchange.started:
            return self._exchange.put(frames)
        self._frames = frames
        return False

    async def ready(self) -> None:
        """Do what is to be done before more is told."""
        if self._block:
            block, self._block = self._block, b""
            await self._before(block)
            self._frames = self._voice.say(block)
        if self._frames:
            frames, self._frames = self._frames, b""
            await self._tell(frames)
        await self._exchange.drained()

    async def _before(self, block: bytes) -> None:
        assert self._voice.before is not None
        try:
            await self._voice.before(block, self._stream.sent.key.project_id)
        except ApiError as error:
            self._attempts.abandon(self._stream.sent)
            raise StreamFailedError(error) from None

    async def _tell(self, frames: bytes) -> None:
        """Send frames; the head of the answer goes with the first thing that is said."""
        if self._exchange.started:
            self._exchange.put(frames)
            return
        sent = self._stream.sent
        shown = told(self._attempts, sent.key.alias)
        head = [*self._voice.headers(sent.answer.headers), *shown]
        await self._exchange.start(sent.answer.status, head, first=frames)
