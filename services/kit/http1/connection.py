"""One connection to a server: sends a request, parses the answer, holds back what nobody reads."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import httptools

from services.kit.http1.answer import Answer
from services.kit.http1.reply import ExchangeError

_WRITTEN_AT_ONCE = 256 * 1024
_LONGEST_HEAD = 256 * 1024


class Connection(asyncio.Protocol):
    """Carries one exchange at a time.

    Attributes:
        active_at: Loop time at which something was last heard or asked of the server.
        is_usable: Whether another request may be sent over it.
    """

    def __init__(self, on_free: "Callable[[Connection], None]") -> None:
        """Take what to call once the connection is free for another request, or lost."""
        self._loop = asyncio.get_running_loop()
        self._on_free = on_free
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._is_interim = False
        self._head_bytes = 0
        self._unsent = 0
        self.active_at = 0.0
        self.is_usable = False

    def send(self, head: bytes, body: bytes, *, has_body: bool) -> Answer:
        """Send a request and return its answer, of which nothing has arrived yet.

        Args:
            head: With its empty line.
            body: The body.
            has_body: Whether the answer to this request has a body at all.
        """
        assert self._transport is not None
        answer = self._answer = Answer(self, has_body=has_body)
        self.active_at = self._loop.time()
        self._head_bytes = 0
        if len(body) > _WRITTEN_AT_ONCE:
            self._transport.write(head)
            self._transport.write(body)
            self._unsent = self._transport.get_write_buffer_size()
        else:
            self._transport.write(head + body)
        return answer

    def touch(self) -> None:
        """Note that the server's silence counts from now on."""
        self.active_at = self._loop.time()

    def check(self, now: float, silence: float) -> None:
        """Break off if the server has been silent for too long while somebody waited for it."""
        answer = self._answer
        if answer is None or not answer.is_awaited:
            return
        if self._unsent and self._transport is not None:
            unsent = self._transport.get_write_buffer_size()
            if unsent < self._unsent:
                # It is still taking the request in.
                self.active_at = now
            self._unsent = unsent
        if now - self.active_at >= silence:
            self.fail(ExchangeError("the server is silent", was_sent=True, timed_out=True))

    def hold_back(self, *, full: bool) -> None:
        """Stop or go on reading from the server."""
        if self._transport is not None and not self._transport.is_closing():
            if full:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def fail(self, error: ExchangeError | None = None) -> None:
        """Close the connection at once; whoever waits for an answer gets the error."""
        answer, self._answer = self._answer, None
        self._break()
        if answer is not None:
            answer.end(error or ExchangeError("the answer was given up", was_sent=True))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_usable = True

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        answer = self._answer
        if answer is None:
            # Nobody has asked: whatever this is, it would be taken for the next answer.
            self._break()
            return
        self.active_at = self._loop.time()
        if not answer.status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(ExchangeError(f"no HTTP answer: {error}", was_sent=True))
            return
        if not answer.status and self._head_bytes > _LONGEST_HEAD:
            self.fail(ExchangeError("the head of the answer is too long", was_sent=True))
            return
        answer.wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell whoever waits that there will be nothing more."""
        answer, self._answer = self._answer, None
        self._break()
        # The parser holds this object's methods, so the two would live until a collection.
        self._parser = None
        if answer is None:
            return
        if error is None and answer.status and answer.lasts_until_close:
            answer.end(None)
        else:
            answer.end(ExchangeError("the server closed the connection", was_sent=True))

    # The parser's callbacks, in the order in which it calls them.

    def on_message_begin(self) -> None:
        """Begin an answer."""
        self._is_interim = False
        if self._answer is None or self._answer.status:
            raise httptools.HttpParserError("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers come here too, and nobody reads them."""
        answer = self._answer
        if answer is not None and not answer.status:
            answer.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Give the answer its status, unless it only announces another."""
        status: int = self._parser.get_status_code()
        answer = self._answer
        assert answer is not None
        if status < 200:
            self._is_interim = True
            answer.headers.clear()
            return
        answer.status = status
        answer.lasts_until_close = not any(
            name in (b"content-length", b"transfer-encoding") for name, _ in answer.headers
        )
        if not answer.has_body:
            self._finish(answer, stays=False)

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body until it is read."""
        if self._answer is not None:
            self._answer.take_in(data)

    def on_message_complete(self) -> None:
        """End the answer; the connection is free."""
        answer = self._answer
        if answer is not None and not self._is_interim:
            self._finish(answer, stays=self._parser.should_keep_alive())

    def _finish(self, answer: Answer, *, stays: bool) -> None:
        self._answer = None
        if answer.is_full:
            self.hold_back(full=False)
        answer.end(None)
        transport = self._transport
        # A server may answer before it has read the whole request; the rest is then in the way.
        if not stays or (self._unsent and transport and transport.get_write_buffer_size()):
            self._break()
        else:
            self._on_free(self)
        self._unsent = 0

    def _break(self) -> None:
        if self.is_usable:
            self.is_usable = False
            self._on_free(self)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
