"""Relaying an open stream to a client, in whichever dialect it speaks."""

import asyncio
from functools import partial
from typing import Protocol

from services.edge.calls import Call
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import Headers
from services.edge.errors import shutting_down
from services.edge.failover import Attempts
from services.edge.heartbeat import Heartbeat
from services.edge.http import Exchange
from services.edge.plain import told
from services.edge.refusals import FailedError
from services.edge.runtime import Runtime
from services.edge.streaming import OpenStream, StreamFailedError, open_stream
from services.edge.usage import TokenUsage


class Voice(Protocol):
    """How one answer is told in one dialect. Kept for the length of the stream."""

    watch_finish: bool
    """Whether the reader should look for the end of the answer, because `say` does not."""

    def headers(self, upstream: Headers) -> Headers:
        """Return the head of the client's answer."""

    def opening(self) -> Headers:
        """Return the head of an answer whose upstream has not begun yet."""

    def heartbeat(self) -> bytes:
        """Return a sign of life that the dialect's clients do not notice."""

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


async def relay_stream(runtime: Runtime, exchange: Exchange, call: Call, voice: Voice) -> None:
    """Answer a request with a stream; what goes wrong after its start is told in-band.

    Raises:
        FailedError: No stream could be opened.
        ClientLeftError: The client left; the upstream was cancelled.
    """
    attempts = runtime.attempts(call)
    async with ClientWatch(exchange, delay=0):
        try:
            beat = partial(_beat, exchange, voice)
            async with Heartbeat(beat, seconds=runtime.settings.heartbeat_seconds):
                stream = await open_stream(attempts, watch_finish=voice.watch_finish)
        except FailedError as error:
            if not exchange.started:
                raise
            await exchange.write(voice.failed(error.body), more=False)
            return
        with runtime.drain.stream():
            try:
                await _pass_on(exchange, attempts, stream, voice)
            except ValueError:
                await exchange.write(voice.failure(stream.cut()))
            except StreamFailedError as failure:
                await exchange.write(voice.failure(failure))
            except asyncio.CancelledError:
                attempts.abandon(stream.sent)
                if not runtime.drain.interrupted:
                    raise
                task = asyncio.current_task()
                assert task is not None
                task.uncancel()
                await exchange.write(voice.failure(StreamFailedError(shutting_down())))
            finally:
                await stream.close()
        await exchange.write(b"", more=False)


async def _pass_on(
    exchange: Exchange, attempts: Attempts, stream: OpenStream, voice: Voice
) -> None:
    """Pass an answer on to its end and settle it.

    Raises:
        StreamFailedError: It broke, or ended before its end.
        ValueError: It is no event stream.
    """
    reader, answer = stream.reader, stream.sent.answer
    if not exchange.started:
        shown = told(attempts, stream.sent.key.alias)
        await exchange.start(answer.status, [*voice.headers(answer.headers), *shown])
    async for block in stream.blocks():
        frames = voice.say(block)
        if not voice.watch_finish:
            reader.finished = voice.is_finished()
        if frames:
            await exchange.write(frames)
    if not reader.finished:
        raise stream.cut()
    attempts.succeeded(stream.sent, reader.usage if voice.watch_finish else voice.usage())
    if ending := voice.ending():
        await exchange.write(ending)


async def _beat(exchange: Exchange, voice: Voice) -> None:
    """Tell a client that waits that it still does; from now on failures are in-band."""
    if not exchange.started:
        await exchange.start(200, voice.opening())
    await exchange.write(voice.heartbeat())
