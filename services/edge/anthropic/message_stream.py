"""A stream of Gemini's as a stream of Anthropic's events.

The end is held back until the upstream has ended: Gemini may give a reason more than once,
and what follows it may still tell of tokens.
"""

from typing import Any

import orjson

from services.edge.anthropic.blocks import Blocks, Event
from services.edge.anthropic.errors import error_body
from services.edge.anthropic.message_request import MessagePlan
from services.edge.anthropic.message_response import message_head
from services.edge.anthropic.usage import translate_usage
from services.edge.openai.errors import AnswerError

PING = b'event: ping\ndata: {"type":"ping"}\n\n'

_BROKEN = 502


class MessageStream:
    """Turns the events of one stream into SSE frames, one after the other.

    Attributes:
        usage: The last usageMetadata; Gemini's counts are cumulative.
    """

    def __init__(self, plan: MessagePlan, *, message_id: str, request_id: str) -> None:
        """Begin a stream.

        Args:
            plan: The request's.
            message_id: The id of the message; ids of calls are made from it.
            request_id: For errors.
        """
        self._plan = plan
        self._message_id = message_id
        self._request_id = request_id
        self._blocks = Blocks(plan, message_id)
        self._begun = False
        self.usage: dict[str, Any] | None = None

    @property
    def finished(self) -> bool:
        """Whether the upstream said why the answer ended, or refused the prompt.

        A stream that ends before is cut off, and must end with an error.
        """
        return self._blocks.is_finished

    def waiting(self) -> bytes:
        """Return a sign of life for a client whose answer has not begun: the message has."""
        return self._opening() + PING

    def feed(self, reply: dict[str, Any]) -> bytes:
        """Return the frames for an event of the upstream."""
        usage = reply.get("usageMetadata")
        if isinstance(usage, dict):
            self.usage = usage
        events = self._blocks.read(reply)
        return self._opening() + b"".join(map(_frame, events))

    def finish(self) -> bytes:
        """Return the last frames; an answer that is not whole ends with an error."""
        events = self._blocks.end()
        try:
            stop = self._blocks.stop()
        except AnswerError as error:
            return self._opening() + self.error_frame(str(error), _BROKEN)
        usage = translate_usage(self.usage, self._blocks.searches)
        del usage["service_tier"]
        events.append({"type": "message_delta", "delta": stop, "usage": usage})
        events.append({"type": "message_stop"})
        return self._opening() + b"".join(map(_frame, events))

    def error_frame(self, message: str, status: int) -> bytes:
        """Return the frame that tells of a failure after the first byte."""
        return error_event(
            orjson.dumps(error_body(message, status=status, request_id=self._request_id))
        )

    def _opening(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        message = {
            **message_head(self._plan, self._message_id),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": translate_usage(self.usage),
        }
        return _frame({"type": "message_start", "message": message})


def error_event(body: bytes) -> bytes:
    """Return the event for the body of an error."""
    return b"event: error\ndata: " + body + b"\n\n"


def _frame(event: Event) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event["type"].encode(), orjson.dumps(event))
