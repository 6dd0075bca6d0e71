"""Reading Google's event streams: whole events only, and how the answer ended."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from services.edge.usage import TokenUsage, find_usage

_MAX_EVENT = 64 * 1024 * 1024
_MOST_CANDIDATES = 64
_CRLF_END, _LF_END = _ENDS = (b"\r\n\r\n", b"\n\n")
_END = re.compile(rb"\r\n\r\n|\n\n")
_SEAM = len(_CRLF_END) - 1
_OTHER_CANDIDATE = re.compile(rb'"index"\s*:\s*[1-9]')


class BrokenStreamError(Exception):
    """The stream holds something that is no event stream."""


class SseReader:
    """Cuts the pieces of a stream at the ends of events.

    What it lets through is byte for byte what came in, but never half an event,
    so that an error can always be told in an event of its own.

    Attributes:
        error: The error that the upstream reported inside the stream.
    """

    def __init__(self, is_finished: Callable[[], bool] | None = None) -> None:
        """Begin.

        Args:
            is_finished: Tells whether the answer has come to its own end, if somebody
                knows who reads all events; by default it is looked for here.
        """
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._seam = b""
        self._is_finished = is_finished
        self._usage_block = b""
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._has_ended = False
        self._is_torn = False
        self.error: dict[str, Any] | None = None

    def feed(self, piece: bytes) -> bytes:
        """Take a piece and return the whole events that it completes.

        Raises:
            BrokenStreamError: An event has no end.
        """
        if self._held:
            # A large event comes in many pieces: each is searched once.
            cut = _last_boundary(self._seam + piece) - len(self._seam)
        else:
            cut = len(piece) if piece.endswith(_ENDS) else _last_boundary(piece)
        if cut <= 0:
            self._hold(piece)
            return b""
        block = piece if cut == len(piece) else piece[:cut]
        if self._held:
            block = self._released() + block
        if cut < len(piece):
            self._hold(piece[cut:])
        return self._inspect(block)

    def end(self) -> bytes:
        """Return what may be let through of the bytes after the last whole event.

        Some servers leave out the blank line after the last event, and Google
        has been seen to end a stream with a bare JSON error.
        """
        rest = self._released()
        if not rest.strip():
            return rest
        payloads = events_of(rest) or [rest]
        try:
            parsed = [orjson.loads(payload) for payload in payloads]
        except ValueError:
            self._is_torn = True
            return b""
        if self._note_error(parsed[-1]):
            return b""
        return self._inspect(rest.rstrip() + b"\r\n\r\n")

    @property
    def finished(self) -> bool:
        """Whether the answer has come to its own end."""
        if self._is_torn:
            return False
        return self._has_ended if self._is_finished is None else self._is_finished()

    @property
    def is_inside_event(self) -> bool:
        """Whether an event has begun that has not ended."""
        return any(not piece.isspace() for piece in self._held)

    @property
    def usage(self) -> TokenUsage | None:
        """What the upstream counted, as far as it told."""
        return find_usage(self._usage_block)

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._held.append(piece)
        self._held_bytes += len(piece)
        if self._held_bytes > _MAX_EVENT:
            raise BrokenStreamError
        self._seam = (self._seam + piece[-_SEAM:])[-_SEAM:]

    def _released(self) -> bytes:
        held = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        self._seam = b""
        return held

    def _inspect(self, block: bytes) -> bytes:
        if b'"usageMetadata"' in block:
            self._usage_block = block
        if b'"error"' in block:
            block = self._before_error(block)
        if self._is_finished is None and _may_end(block):
            for event in _parsed(block):
                self._note_end(event)
        return block

    def _note_end(self, event: Any) -> None:
        """Note which candidates have ended; the answer has when all that have begun have."""
        if not isinstance(event, dict):
            return
        feedback = event.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self._has_ended = True
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
        self._has_ended = bool(self._ended) and self._begun <= self._ended

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


def events_of(block: bytes) -> list[bytes]:
    """Return the data of each event of a block of whole events."""
    payloads = []
    for event in block.split(_CRLF_END) if _LF_END not in block else _END.split(block):
        # Nearly all events are one line.
        if event.startswith(b"data: ") and b"\n" not in event and b"\r" not in event:
            payloads.append(event[6:])
        elif event:
            lines = [
                line[5:].removeprefix(b" ")
                for line in event.splitlines()
                if line.startswith(b"data:")
            ]
            if lines:
                payloads.append(b"\n".join(lines))
    return payloads


def _may_end(block: bytes) -> bool:
    """Whether a block can change whether an answer has come to its end: few need be parsed."""
    return (
        b'"finishReason"' in block
        or b'"blockReason"' in block
        or _OTHER_CANDIDATE.search(block) is not None
    )


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
    crlf, lf = data.rfind(_CRLF_END), data.rfind(_LF_END)
    return max(crlf + 4 if crlf >= 0 else 0, lf + 2 if lf >= 0 else 0)


def _first_boundary(data: bytes, start: int) -> int:
    ends = [position + len(mark) for mark in _ENDS if (position := data.find(mark, start)) >= 0]
    return min(ends, default=len(data))
