"""Relaying an open stream to a client, in whichever dialect it speaks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Protocol

from services.edge.calls import Call
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import Headers
from services.edge.errors import ApiError, shutting_down
from services.edge.failover import Attempts, Sent
from services.edge.heartbeat import Heartbeat
from services.edge.http import BrokenAnswerError, Exchange
from services.edge.plain import told
from services.edge.refusals import FailedError
from services.edge.runtime import Runtime
from services.edge.streaming import OpenStream, StreamFailedError, open_stream
from services.edge.upstream import TooLongError, UpstreamError
from services.edge.usage import TokenUsage, find_usage
from services.judging import Phase

_TAIL = 64 * 1024


class Voice(Protocol):
    """How one answer is told in one dialect. Kept for the length of the stream."""

    watch_finish: bool
    """Whether the reader should look for the end of the answer, because `say` does not."""

    breaks_off: bool
    """Whether the connection is broken after a failure was told."""

    @property
    def before(self) -> Callable[[bytes, str], Awaitable[None]] | None:
        """What is awaited with each block and its project before it is said, if anything."""

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


async def relay_stream(runtime: Runtime, exchange: Exchange, call: Call, voice: Voice) -> None:
    """Answer a request with a stream; what goes wrong after its start is told in-band.

    Raises:
        FailedError: No stream could be opened.
        ClientLeftError: The client left; the upstream was cancelled.
        BrokenAnswerError: The stream failed, and the voice wants it so.
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
            failure = None
            try:
                await _pass_on(exchange, attempts, stream, voice)
            except ValueError:
                failure = stream.cut()
            except StreamFailedError as error:
                failure = error
            except asyncio.CancelledError:
                attempts.abandon(stream.sent)
                if not runtime.drain.interrupted:
                    raise
                task = asyncio.current_task()
                assert task is not None
                task.uncancel()
                failure = StreamFailedError(shutting_down())
            finally:
                await stream.close()
            if failure is not None:
                await _tell(exchange, voice, failure)
                if voice.breaks_off:
                    raise BrokenAnswerError
        await exchange.write(b"", more=False)


async def _pass_on(
    exchange: Exchange, attempts: Attempts, stream: OpenStream, voice: Voice
) -> None:
    """Pass an answer on to its end and settle it.

    Raises:
        StreamFailedError: It broke, or ended before its end.
        ValueError: It is no event stream.
    """
    reader = stream.reader
    async for upstreams in stream.blocks():
        attempts.heard(stream.sent, upstreams)
        block = attempts.in_clients_words(upstreams)
        if voice.before is not None:
            try:
                await voice.before(block, stream.sent.key.project_id)
            except ApiError as error:
                attempts.abandon(stream.sent)
                raise StreamFailedError(error) from None
        frames = voice.say(block)
        if not voice.watch_finish:
            reader.finished = voice.is_finished()
        if frames:
            await _start(exchange, attempts, stream, voice)
            await exchange.write(frames)
    if not reader.finished:
        raise stream.cut()
    attempts.succeeded(stream.sent, reader.usage if voice.watch_finish else voice.usage())
    await _start(exchange, attempts, stream, voice)
    if ending := voice.ending():
        await exchange.write(ending)


async def _start(exchange: Exchange, attempts: Attempts, stream: OpenStream, voice: Voice) -> None:
    """Send the head of the answer, with the first thing that is said and not before."""
    if not exchange.started:
        answer, shown = stream.sent.answer, told(attempts, stream.sent.key.alias)
        await exchange.start(answer.status, [*voice.headers(answer.headers), *shown])


async def _tell(exchange: Exchange, voice: Voice, failure: StreamFailedError) -> None:
    """Tell of a failure, in-band once the answer has begun.

    Raises:
        ApiError: It has not.
    """
    if not exchange.started:
        raise failure.error
    await exchange.write(voice.failure(failure))


async def relay_body(runtime: Runtime, exchange: Exchange, call: Call) -> None:
    """Answer a request with bytes as they arrive.

    There is no place for an error in them, so a break breaks the connection.

    Args:
        runtime: The shared parts.
        exchange: The request.
        call: What to send.

    Raises:
        FailedError: There was no answer.
        BrokenAnswerError: It broke off.
    """
    attempts = runtime.attempts(call)
    async with ClientWatch(exchange, delay=0):
        sent = await attempts.next()
        tail = b""
        try:
            shown = told(attempts, sent.key.alias)
            await exchange.start(sent.answer.status, [*sent.answer.headers, *shown])
            async for piece in _pieces(runtime, attempts, sent):
                tail = (tail + piece)[-_TAIL:]
                await exchange.write(piece)
        except (UpstreamError, TooLongError) as error:
            timed_out = isinstance(error, UpstreamError) and error.timed_out
            attempts.failed(sent.key, sent.started_at, Phase.STREAM, timed_out=timed_out)
            raise BrokenAnswerError from None
        except BaseException:
            attempts.abandon(sent)
            raise
        finally:
            await sent.answer.close()
        attempts.succeeded(sent, find_usage(tail))
        await exchange.write(b"", more=False)


async def _pieces(runtime: Runtime, attempts: Attempts, sent: Sent) -> AsyncIterator[bytes]:
    if attempts.is_renamed:
        # A name may be cut in two by the end of a piece.
        yield attempts.in_clients_words(await sent.answer.read(runtime.settings.max_answer_bytes))
        return
    async for piece in sent.answer.pieces():
        yield piece


async def _beat(exchange: Exchange, voice: Voice) -> None:
    """Tell a client that waits that it still does; from now on failures are in-band."""
    sign = voice.heartbeat()
    if sign is None:
        return
    if not exchange.started:
        await exchange.start(200, voice.opening())
    await exchange.write(sign)
