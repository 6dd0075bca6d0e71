"""Opening an upstream stream: tried again elsewhere until its first event is there."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from services.edge.errors import ApiError, answer_cut, upstream_lost
from services.edge.failover import Attempts, Sent
from services.edge.refusals import Failure
from services.edge.sse import BrokenStreamError, SseReader
from services.edge.upstream import UpstreamError
from services.judging import Phase
from services.kit.http1.reply import Sink
from services.kit.scrub import scrub


class StreamFailedError(Exception):
    """A stream broke after its first event; what the client is told in-band.

    Attributes:
        error: For the client.
        native: Google's own error object, scrubbed, when there was one.
    """

    def __init__(self, error: ApiError, native: dict[str, Any] | None = None) -> None:
        """Take what to tell."""
        super().__init__(error.message)
        self.error = error
        self.native = native


@dataclass(slots=True)
class OpenStream:
    """An upstream stream of which at least one whole event has arrived."""

    sent: Sent
    reader: SseReader
    first: bytes
    _attempts: Attempts

    async def deliver(self, sink: Sink) -> None:
        """Give blocks of whole events to a sink as they arrive, to the end of the stream.

        Raises:
            StreamFailedError: The upstream broke off or reported an error; the
                lease is settled. What the sink raises is raised, too.
        """
        blocks = _Blocks(self.reader, sink)
        try:
            await blocks.pass_on(self.first)
            await self.sent.answer.deliver(blocks)
            await blocks.pass_on(self.reader.end())
        except _ErrorReportedError:
            pass
        except (UpstreamError, BrokenStreamError) as error:
            if self.reader.finished and not self.reader.is_inside_event:
                # Nothing that belongs to the answer was lost.
                return
            timed_out = isinstance(error, UpstreamError) and error.timed_out
            self._fail(0, b"", timed_out=timed_out)
            raise StreamFailedError(upstream_lost()) from None
        if self.reader.error is not None:
            raise self._native_error(self.reader.error)

    def cut(self) -> StreamFailedError:
        """Settle a stream that ended without an end of its own, and return what to tell."""
        self._fail(0, b"")
        return StreamFailedError(answer_cut())

    async def close(self) -> None:
        """Let the connection go."""
        await self.sent.answer.close()

    def _fail(self, status: int, body: bytes, *, timed_out: bool = False) -> Failure:
        return self._attempts.failed(
            self.sent.key,
            self.sent.started_at,
            Phase.STREAM,
            status=status,
            body=body,
            timed_out=timed_out,
        )

    def _native_error(self, error: dict[str, Any]) -> StreamFailedError:
        status = _status(error)
        body = orjson.dumps({"error": error})
        self._fail(status, body)
        native = orjson.loads(scrub(body.decode(), self.sent.key.secret))["error"]
        message = native.get("message")
        told = message if isinstance(message, str) else "The upstream reported an error."
        return StreamFailedError(ApiError(status, told), native)


async def open_stream(
    attempts: Attempts, is_finished: Callable[[], bool] | None = None
) -> OpenStream:
    """Send the call until a stream has begun.

    The client has not seen anything before the first whole event, so errors up
    to there are tried again elsewhere like any other.

    Args:
        attempts: The tries of the call.
        is_finished: See `SseReader`.

    Raises:
        FailedError: No further try is allowed or possible.
    """
    while True:
        sent = await attempts.next()
        reader = SseReader(is_finished)
        try:
            first = await _first_block(reader, sent.answer.pieces())
        except (UpstreamError, BrokenStreamError) as error:
            await sent.answer.close()
            timed_out = isinstance(error, UpstreamError) and error.timed_out
            attempts.failed(sent.key, sent.started_at, Phase.SENT, timed_out=timed_out)
            continue
        except BaseException:
            await sent.answer.close()
            attempts.abandon(sent)
            raise
        if first:
            return OpenStream(sent, reader, first, attempts)
        await sent.answer.close()
        if reader.error is not None:
            attempts.failed(
                sent.key,
                sent.started_at,
                Phase.ANSWERED,
                status=_status(reader.error),
                body=orjson.dumps({"error": reader.error}),
                content_type="application/json",
            )
        else:
            attempts.failed(sent.key, sent.started_at, Phase.SENT)


class _ErrorReportedError(Exception):
    """The upstream reported an error inside the stream: nothing that follows counts."""


class _Blocks:
    """Cuts what arrives into whole events on its way to a sink."""

    __slots__ = ("_reader", "_sink")

    def __init__(self, reader: SseReader, sink: Sink) -> None:
        self._reader = reader
        self._sink = sink

    def take(self, piece: bytes) -> bool:
        block = self._reader.feed(piece)
        takes_more = self._sink.take(block) if block else True
        return takes_more and self._reader.error is None

    async def ready(self) -> None:
        await self._sink.ready()
        if self._reader.error is not None:
            raise _ErrorReportedError

    async def pass_on(self, block: bytes) -> None:
        if block:
            self._sink.take(block)
        await self.ready()


async def _first_block(reader: SseReader, pieces: AsyncIterator[bytes]) -> bytes:
    async for piece in pieces:
        block = reader.feed(piece)
        if block or reader.error is not None:
            return block
    return reader.end()


def _status(error: dict[str, Any]) -> int:
    code = error.get("code")
    return code if isinstance(code, int) and 400 <= code <= 599 else 500
