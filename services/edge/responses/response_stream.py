"""A stream of Gemini's as a stream of the events of a response.

The end is held back until the upstream has ended: Gemini may give a reason more than once,
and what follows it may still tell of tokens.
"""

from typing import Any

import orjson

from services.edge.openai.errors import AnswerError
from services.edge.responses.answer_items import AnswerItems
from services.edge.responses.errors import BROKEN
from services.edge.responses.events import Event
from services.edge.responses.response_answer import ended, failed, response_head
from services.edge.responses.response_request import ResponsePlan


class ResponseStream:
    """Turns the events of one stream into SSE frames, one after the other.

    Attributes:
        usage: The last usageMetadata; Gemini's counts are cumulative.
    """

    def __init__(self, plan: ResponsePlan, *, response_id: str, created: int) -> None:
        """Begin a stream.

        Args:
            plan: The request's.
            response_id: The id of the response; ids of items and calls are made from it.
            created: Unix time in seconds.
        """
        self._head = response_head(plan, response_id, created)
        self._items = AnswerItems(plan, response_id)
        self._number = 0
        self._whole: dict[str, Any] | None = None
        self.usage: dict[str, Any] | None = None

    @property
    def finished(self) -> bool:
        """Whether the upstream said why the answer ended, or refused the prompt.

        A stream that ends before is cut off, and must end with a failure.
        """
        return self._items.is_finished

    def feed(self, reply: dict[str, Any]) -> bytes:
        """Return the frames for an event of the upstream."""
        usage = reply.get("usageMetadata")
        if isinstance(usage, dict):
            self.usage = usage
        opening = self._opening()
        return opening + self._frames(self._items.read(reply))

    def finish(self) -> bytes:
        """Return what ends the items; an answer that is not whole ends with a failure."""
        opening = self._opening()
        try:
            end, events = self._items.end()
        except AnswerError as error:
            return opening + self.failure(BROKEN, str(error))
        frames = self._frames(events)
        self._whole = ended(self._head, end, self._items.output, self.usage)
        return opening + frames

    @property
    def whole(self) -> dict[str, Any] | None:
        """The response after `finish`; None for one that failed."""
        return self._whole

    def last(self, response: dict[str, Any]) -> bytes:
        """Return the frame that follows all others: the whole response."""
        kind = f"response.{response['status']}"
        return self._frames([{"type": kind, "response": response}])

    def failure(self, code: str, message: str) -> bytes:
        """Return the frames that tell of a failure after the first byte."""
        response = failed(self._head, code, message, self._items.output)
        return self._opening() + self.last(response)

    def _opening(self) -> bytes:
        if self._number:
            return b""
        kinds = ("response.created", "response.in_progress")
        return self._frames([{"type": kind, "response": self._head} for kind in kinds])

    def _frames(self, events: list[Event]) -> bytes:
        return b"".join(map(self._frame, events))

    def _frame(self, event: Event) -> bytes:
        number, self._number = self._number, self._number + 1
        data = orjson.dumps({**event, "sequence_number": number})
        return b"event: %s\ndata: %s\n\n" % (event["type"].encode(), data)
