"""Answers as OpenAI's events, and what goes wrong in them."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import orjson

from services.edge.envelopes import Headers, openai_error
from services.edge.errors import ApiError, bad_request
from services.edge.openai.errors import AnswerError, BadRequestError
from services.edge.openai_calls import EVENT_STREAM
from services.edge.streaming import StreamFailedError

DONE = b"data: [DONE]\n\n"
"""What a complete stream ends with."""


def event(content: dict[str, Any]) -> bytes:
    """Return an event."""
    return b"data: " + orjson.dumps(content) + b"\n\n"


@contextlib.contextmanager
def told_answers(code: str) -> Iterator[None]:
    """Turn what is wrong with an answer read within the block into the edge's words.

    Args:
        code: For an answer that is not whole, or not what was asked for.
    """
    try:
        yield
    except BadRequestError as error:
        raise bad_request(error.message, code=error.code, param=error.param) from None
    except AnswerError as error:
        raise ApiError(502, str(error), code=code) from None


class Events:
    """The way of telling that all streams of events share; see `Voice` for the methods."""

    breaks_off = False

    @property
    def after(self) -> Callable[[], Awaitable[bytes]] | None:
        """Nothing is to be done after an answer."""
        return None

    def headers(self, upstream: Headers) -> Headers:
        """Return the head of the client's answer."""
        del upstream
        return EVENT_STREAM

    def opening(self) -> Headers:
        """Return the head of an answer whose upstream has not begun yet."""
        return EVENT_STREAM

    def heartbeat(self) -> bytes:
        """Return a comment, which clients skip."""
        return b": waiting for a key\n\n"

    def failed(self, body: bytes) -> bytes:
        """Return the error as an event."""
        return b"data: " + body + b"\n\n"

    def failure(self, failure: StreamFailedError) -> bytes:
        """Return the error as an event."""
        return event(openai_error(failure.error))
