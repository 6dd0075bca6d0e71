"""How streams are told in Gemini's dialect: as events, or as one JSON array."""

import orjson

from services.edge.envelopes import Headers, google_error
from services.edge.sse import events_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage

_JSON = (b"content-type", b"application/json; charset=UTF-8")


class EventVoice:
    """Whole events pass as they are; an error is an event that Google's SDKs know."""

    watch_finish = True
    before = None
    breaks_off = False
    after = None

    def headers(self, upstream: Headers) -> Headers:
        """Return the upstream's."""
        return upstream

    def opening(self) -> Headers:
        """Return the head of any event stream."""
        return [(b"content-type", b"text/event-stream")]

    def heartbeat(self) -> bytes:
        """Return a blank line: a comment line would break Google's Python SDK."""
        return b"\r\n"

    def failed(self, body: bytes) -> bytes:
        """Return the error as the only event."""
        return _event(orjson.loads(body))

    def say(self, block: bytes) -> bytes:
        """Return the events."""
        return block

    def is_finished(self) -> bool:
        """Never asked."""
        raise NotImplementedError

    def ending(self) -> bytes:
        """Return nothing: the last event says that it is the last."""
        return b""

    def failure(self, failure: StreamFailedError) -> bytes:
        """Return the error as the last event."""
        return _event(_told(failure))

    def usage(self) -> TokenUsage | None:
        """Never asked."""
        raise NotImplementedError


class ArrayVoice:
    """The data of each event becomes an element as soon as it is there.

    After a failure the error is the last element, the array is left open and the
    connection breaks: whoever reads element by element sees the error, and nobody can
    take what came for a whole answer.
    """

    watch_finish = True
    before = None
    breaks_off = True
    after = None

    def __init__(self) -> None:
        """Begin an array."""
        self._has_begun = False

    def headers(self, upstream: Headers) -> Headers:
        """Return the upstream's, with the type of an array."""
        return [*(item for item in upstream if item[0] != b"content-type"), _JSON]

    def opening(self) -> Headers:
        """Return the head of any array."""
        return [_JSON]

    def heartbeat(self) -> bytes:
        """Return white space, which may stand before an array."""
        return b"\n"

    def failed(self, body: bytes) -> bytes:
        """Return the error in a list, as Google tells it where it has begun nothing."""
        return b"[" + body + b"\n]"

    def say(self, block: bytes) -> bytes:
        """Return the elements.

        Raises:
            ValueError: One is no JSON.
        """
        return b"".join(self._element(payload) for payload in events_of(block))

    def is_finished(self) -> bool:
        """Never asked."""
        raise NotImplementedError

    def ending(self) -> bytes:
        """Return the end of the array."""
        return b"\n]"

    def failure(self, failure: StreamFailedError) -> bytes:
        """Return the error as the last element."""
        return self._element(orjson.dumps(_told(failure)))

    def usage(self) -> TokenUsage | None:
        """Never asked."""
        raise NotImplementedError

    def _element(self, payload: bytes) -> bytes:
        orjson.loads(payload)
        before = b"\n,\r\n" if self._has_begun else b"["
        self._has_begun = True
        return before + payload


def _told(failure: StreamFailedError) -> dict[str, object]:
    return {"error": failure.native} if failure.native else google_error(failure.error)


def _event(body: object) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\r\n\r\n"
