"""The events of an interaction, which differ from those of a generate call.

Each names its kind in `event_type`; the stream ends with `[DONE]`.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import orjson

from services.edge.envelopes import Headers
from services.edge.sse import events_of
from services.edge.streaming import StreamFailedError
from services.edge.usage import TokenUsage

_DONE = b"[DONE]"
# Of an answer of several minutes, not every event must be parsed.
_MARKS = (b"interaction.complete", b"interaction.status_update", _DONE)
# Environments and files may be told of at any time.
_MADE_MARKS = (b'"interaction"', b"environment", b"files/", b"files\\/")
_LAST = frozenset({"interaction.completed", "interaction.complete"})
_ENDED = frozenset(
    {"completed", "failed", "cancelled", "incomplete", "budget_exceeded"}
    | {"requires_action", "requires_continuation"}
)

OnMade = Callable[[dict[str, Any], str], Awaitable[None]]
"""Told what an event tells of an interaction, and its project."""


class InteractionVoice:
    """Whole events pass as they are; see `Voice` for the methods."""

    watch_finish = False
    breaks_off = False
    after = None

    def __init__(self, on_made: OnMade | None = None) -> None:
        """Take what is to be done before the client learns an interaction's id."""
        self._on_made = on_made
        self._knows_id = False
        self._is_finished = False
        self._usage: TokenUsage | None = None

    def headers(self, upstream: Headers) -> Headers:
        """Return the head of the client's answer."""
        return upstream

    def opening(self) -> Headers:
        """Return the head of an answer whose upstream has not begun yet."""
        return [(b"content-type", b"text/event-stream")]

    def heartbeat(self) -> bytes:
        """Return a sign of life: a blank line."""
        return b"\n"

    def failed(self, body: bytes) -> bytes:
        """Return what tells in-band that all attempts failed."""
        return _error_event(orjson.loads(body).get("error", {}))

    async def before(self, block: bytes, project_id: str) -> None:
        """Do what must be done before the client gets a block."""
        if self._on_made is None:
            return
        if self._knows_id and not any(mark in block for mark in _MADE_MARKS):
            return
        for event in _objects(block):
            told = event.get("interaction")
            if not isinstance(told, dict):
                told = {**event, "id": event.get("interaction_id")}
            self._knows_id |= bool(told.get("id"))
            await self._on_made(told, project_id)

    def say(self, block: bytes) -> bytes:
        """Return what the client gets for a block of whole events."""
        if any(mark in block for mark in _MARKS):
            self._is_finished |= _DONE in events_of(block)
            for event in _objects(block):
                self._note(event)
        return block

    def is_finished(self) -> bool:
        """Whether the answer came to its own end."""
        return self._is_finished

    def ending(self) -> bytes:
        """Return what follows a complete answer."""
        return b""

    def failure(self, failure: StreamFailedError) -> bytes:
        """Return what tells of a failure in-band."""
        told = {"code": str(failure.error.status), "message": failure.error.message}
        return _error_event(failure.native or told)

    def usage(self) -> TokenUsage | None:
        """Return what the upstream counted."""
        return self._usage

    def _note(self, event: dict[str, Any]) -> None:
        kind, interaction = event.get("event_type"), event.get("interaction")
        is_update = kind == "interaction.status_update"
        self._is_finished |= kind in _LAST or (is_update and event.get("status") in _ENDED)
        usage = read_interaction_usage(interaction if isinstance(interaction, dict) else event)
        self._usage = usage or self._usage


def read_interaction_usage(interaction: dict[str, Any]) -> TokenUsage | None:
    """Read what an interaction used, None when it does not tell."""
    usage = interaction.get("usage")
    if not isinstance(usage, dict):
        return None

    def count(name: str) -> int:
        value = usage.get(f"total_{name}_tokens")
        return value if isinstance(value, int) and value > 0 else 0

    return TokenUsage(
        input=count("input") + count("tool_use"),
        output=count("output"),
        cached=count("cached"),
        thoughts=count("thought"),
    )


def _objects(block: bytes) -> Iterator[dict[str, Any]]:
    for payload in events_of(block):
        try:
            event = orjson.loads(payload)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _error_event(error: dict[str, Any]) -> bytes:
    event = {"event_type": "error", "error": error}
    return b"event: error\ndata: " + orjson.dumps(event) + b"\n\n"
