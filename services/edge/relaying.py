"""Relaying an open stream to a client, in whichever dialect it speaks."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from services.edge.calls import Call
from services.edge.disconnect import ClientWatch
from services.edge.errors import shutting_down
from services.edge.failover import Attempts, Sent
from services.edge.heartbeat import Heartbeat
from services.edge.http import BrokenAnswerError, Exchange
from services.edge.plain import told
from services.edge.refusals import FailedError
from services.edge.runtime import Runtime
from services.edge.streaming import StreamFailedError, open_stream
from services.edge.telling import Telling, Voice
from services.edge.upstream import TooLongError, UpstreamError
from services.edge.usage import find_usage
from services.judging import Phase

_TAIL = 64 * 1024


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
            async with Heartbeat(beat, seconds=runtime.settings.beat_seconds):
                is_finished = None if voice.watch_finish else voice.is_finished
                stream = await open_stream(attempts, is_finished)
        except FailedError as error:
            if not exchange.started:
                raise
            await exchange.write(voice.failed(error.body), more=False)
            return
        except asyncio.CancelledError:
            if not exchange.started or not runtime.drain.takes_over():
                raise
            await exchange.write(voice.failure(StreamFailedError(shutting_down())), more=False)
            return
        with runtime.drain.stream():
            failure, ending = None, b""
            try:
                await Telling(exchange, attempts, stream, voice).run()
                ending = voice.ending()
            except ValueError:
                failure = stream.cut()
            except StreamFailedError as error:
                failure = error
            except asyncio.CancelledError:
                attempts.abandon(stream.sent)
                if not runtime.drain.takes_over():
                    raise
                failure = StreamFailedError(shutting_down())
            finally:
                await stream.close()
            if failure is not None:
                await _tell(exchange, voice, failure)
                if voice.breaks_off:
                    raise BrokenAnswerError
            elif voice.after is not None:
                ending += await voice.after()
        await exchange.write(ending, more=False)


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
