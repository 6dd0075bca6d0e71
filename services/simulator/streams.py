"""Sends the chunks of a stream, whole or damaged on purpose."""

import itertools
from collections.abc import Iterator
from typing import Any

import orjson

from services.simulator.errors import overloaded
from services.simulator.faults import Fault
from services.simulator.http import JSON, Exchange

_EVENTS = "text/event-stream"


async def send_stream(
    exchange: Exchange,
    chunks: Iterator[dict[str, Any]],
    fault: Fault | None,
    *,
    as_events: bool,
    delay_seconds: float = 0,
) -> None:
    """Send a stream.

    Args:
        exchange: Where to; its request's body has been read.
        chunks: The replies that make up the stream.
        fault: What goes wrong with the stream, if anything.
        as_events: Server-sent events, else one JSON array.
        delay_seconds: Pause before each chunk but the first.

    Raises:
        ClientGoneError: The client left before the end.
    """
    if exchange.is_mute:
        await exchange.cut()
        return
    kind = fault.kind if fault else ""
    whole = fault.after_chunks if fault else 0
    is_cut_short = kind in {"truncate", "drop_midstream", "error_chunk", "raw_error_chunk"}
    if is_cut_short or kind in {"broken_event", "garbage"}:
        whole_ones: Iterator[dict[str, Any]] = itertools.islice(chunks, whole)
    else:
        whole_ones = chunks
    await exchange.start_stream(_EVENTS if as_events else JSON)
    is_first = True
    for chunk in whole_ones:
        if delay_seconds and not is_first:
            await exchange.pause(delay_seconds)
        await exchange.write(_frame(chunk, as_events=as_events, is_first=is_first))
        is_first = False
    if kind == "drop_midstream":
        await exchange.cut()
        return
    if damage := _damage(kind, chunks, as_events=as_events, is_first=is_first):
        await exchange.write(damage)
    elif not as_events:
        await exchange.write(b"\n]" if not is_first else b"[]")
    await exchange.end_stream()


def _frame(chunk: dict[str, Any], *, as_events: bool, is_first: bool) -> bytes:
    if as_events:
        return b"data: " + orjson.dumps(chunk) + b"\r\n\r\n"
    return (b"[" if is_first else b"\n,\r\n") + orjson.dumps(chunk, option=orjson.OPT_INDENT_2)


def _damage(kind: str, rest: Iterator[dict[str, Any]], *, as_events: bool, is_first: bool) -> bytes:
    """Return the last bytes of a damaged stream, none for one that merely ends."""
    match kind:
        case "error_chunk":
            return _frame(overloaded().envelope(), as_events=as_events, is_first=is_first)
        case "raw_error_chunk":
            return overloaded().body()
        case "broken_event":
            frame = _frame(next(rest, {}), as_events=as_events, is_first=is_first)
            return frame[: max(8, len(frame) // 2)]
        case "garbage":
            garbage = b'{"candidates": [{"content": {"parts": [{"te'
            return b"data: " + garbage + b"\r\n\r\n" if as_events else garbage
    return b""
