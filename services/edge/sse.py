"""Reading Google's event streams: whole events only, and how the answer ended."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from services.edge.usage import TokenUsage, find_usage

_MAX_EVENT = 64 * 1024 * 1024
_MOST_CANDIDATES = 64
# What can change whether an answer has come to its end: most events need not be parsed.
_END = re.compile(rb'"(?:finishReason|blockReason)"|"index"\s*:\s*[1-9]')


class BrokenStreamError(Exception):
    """The stream holds something that is no event stream."""


class SseReader:
    """Cuts the pieces of a stream at the ends of events.

    What it lets through is byte for byte what came in, but never half an event,
    so that an error can always be told in an event of its own.

    Attributes:
        finished: Whether the answer has come to its own end.
        error: The error that the upstream reported inside the stream.
    """

    def __init__(self, *, watch_finish: bool = True) -> None:
        """Begin; `watch_finish` off leaves `finished` to somebody who parses all events."""
        self._rest = b""
        self._watch_finish = watch_finish
        self._usage_block = b""
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self.finished = False
        self.error: dict[str, Any] | None = None

    def feed(self, piece: bytes) -> bytes:
        """Take a piece and return the whole events that it completes.

        Raises:
            BrokenStreamError: An event has no end.
        """
        data = self._rest + piece if self._rest else piece
        cut = _last_boundary(data)
        if not cut:
            if len(data) > _MAX_EVENT:
                raise BrokenStreamError
            self._rest = data
            return b""
        self._rest = data[cut:]
        return self._inspect(data[:cut])

    def end(self) -> bytes:
        """Return what may be let through of the bytes after the last whole event.

        Some servers leave out the blank line after the last event, and Google
        has been seen to end a stream with a bare JSON error.
        """
        rest, self._rest = self._rest, b""
        if not rest.strip():
            return rest
        payloads = list(events_of(rest)) or [rest]
        try:
            parsed = [orjson.loads(payload) for payload in payloads]
        except ValueError:
            self.finished = False
            return b""
        if self._note_error(parsed[-1]):
            return b""
        return self._inspect(rest.rstrip() + b"\r\n\r\n")

    @property
    def is_inside_event(self) -> bool:
        """Whether an event has begun that has not ended."""
        return bool(self._rest.strip())

    @property
    def usage(self) -> TokenUsage | None:
        """What the upstream counted, as far as it told."""
        return find_usage(self._usage_block)

    def _inspect(self, block: bytes) -> bytes:
        if b'"usageMetadata"' in block:
            self._usage_block = block
        if b'"error"' in block:
            block = self._before_error(block)
        if self._watch_finish and _END.search(block):
            for event in _parsed(block):
                self._note_end(event)
        return block

    def _note_end(self, event: Any) -> None:
        """Note which candidates have ended; the answer has when all that have begun have."""
        if not isinstance(event, dict):
            return
        feedback = event.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self.finished = True
            return
        candidates = event.get("candidates")
        for place, candidate in enumerate(candidates if isinstance(candidates, list) else ()):
            if not isinstance(candidate, dict):
                continue
            index = candidate.get("index", place)
            if isinstance(index, int) and 0 <= index < _MOST_CANDIDATES:
                self._begun.update(range(index + 1))
                if candidate.get("finishReason"):
                    self._ended.add(index)
        self.finished = bool(self._ended) and self._begun <= self._ended

    def _before_error(self, block: bytes) -> bytes:
        """Return the part of a block before an error event, noting the error."""
        position = 0
        for event in _split(block):
            for value in _parsed(event):
                if self._note_error(value):
                    return block[:position]
            position += len(event)
        return block

    def _note_error(self, value: Any) -> bool:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        error = value.get("error") if isinstance(value, dict) else None
        if not isinstance(error, dict) or "candidates" in value:
            return False
        self.error = error
        return True


def events_of(block: bytes) -> Iterator[bytes]:
    """Yield the data of each event of a block of whole events."""
    for event in _split(block):
        lines = [
            line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")
        ]
        if lines:
            yield b"\n".join(lines) if len(lines) > 1 else lines[0]


def _split(block: bytes) -> Iterator[bytes]:
    """Yield the events of a block with their ends."""
    start = 0
    while start < len(block):
        end = _first_boundary(block, start)
        yield block[start:end]
        start = end


def _parsed(block: bytes) -> Iterator[Any]:
    for payload in events_of(block):
        try:
            yield orjson.loads(payload)
        except ValueError:
            continue


def _last_boundary(data: bytes) -> int:
    crlf, lf = data.rfind(b"\r\n\r\n"), data.rfind(b"\n\n")
    return max(crlf + 4 if crlf >= 0 else 0, lf + 2 if lf >= 0 else 0)


def _first_boundary(data: bytes, start: int) -> int:
    ends = [
        position + len(mark)
        for mark in (b"\r\n\r\n", b"\n\n")
        if (position := data.find(mark, start)) >= 0
    ]
    return min(ends, default=len(data))
