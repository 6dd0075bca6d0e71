"""Clients that all open a stream at the same moment, once or several times."""

import asyncio
import time
from dataclasses import dataclass, field

from bench.load.connection import Address, Check, Connection

_AT_ONCE = 100


@dataclass(slots=True)
class StreamResult:
    """What a load saw.

    Attributes:
        first: Seconds to the first piece of each stream.
        whole: Seconds to the end of each stream.
        gaps: Seconds between one piece of a stream and the next.
        wrong: Streams with a wrong status or body, and broken ones.
        example: The first wrong one, for people.
        seconds: From the first request to the last end, connecting apart.
    """

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    wrong: int = 0
    example: str = ""
    seconds: float = 0


async def stream_load(
    address: Address,
    request: bytes,
    check: Check,
    *,
    streams: int,
    waves: int,
    patience: float = 120,
) -> StreamResult:
    """Open so many streams at once, and again when all have ended.

    A stream that has not ended after `patience` seconds is wrong.
    """
    result = StreamResult()
    for _ in range(waves):
        await _wave(result, address, request, check, streams=streams, patience=patience)
        if result.wrong:
            break
    return result


async def _wave(
    result: StreamResult,
    address: Address,
    request: bytes,
    check: Check,
    *,
    streams: int,
    patience: float,
) -> None:
    loop = asyncio.get_running_loop()
    clients = [_Client(result, check) for _ in range(streams)]
    opened: list[tuple[asyncio.BaseTransport, Connection]] = []
    for first in range(0, streams, _AT_ONCE):
        opened += await asyncio.gather(
            *(
                loop.create_connection(
                    lambda client=client: Connection(client),  # type: ignore[misc]
                    address.host,
                    address.ports[number % len(address.ports)],
                )
                for number, client in enumerate(clients[first : first + _AT_ONCE])
            )
        )
    began = time.perf_counter()
    ends = [
        client.start(connection, request)
        for client, (_, connection) in zip(clients, opened, strict=True)
    ]
    _, late = await asyncio.wait(ends, timeout=patience)
    result.seconds += time.perf_counter() - began
    if late:
        result.wrong += len(late)
        result.example = result.example or f"no end within {patience:g} s"
    for client, (transport, _) in zip(clients, opened, strict=True):
        client.leave()
        transport.close()


class _Client:
    """One stream at a time."""

    def __init__(self, result: StreamResult, check: Check) -> None:
        self._result = result
        self._check = check
        self._pieces: list[bytes] = []
        self._asked = 0.0
        self._last = 0.0
        self._end: asyncio.Future[None]

    def start(self, connection: Connection, request: bytes) -> asyncio.Future[None]:
        self._end = asyncio.get_running_loop().create_future()
        self._last = 0.0
        self._asked = connection.ask(request)
        return self._end

    def leave(self) -> None:
        """Count nothing any more."""
        self._end.cancel()

    def heard(self, piece: bytes) -> None:
        now = time.perf_counter()
        self._pieces.append(piece)
        if self._last:
            self._result.gaps.append(now - self._last)
        elif b"data:" in piece:
            # Signs of life may come before, and are no answer.
            self._result.first.append(now - self._asked)
        else:
            return
        self._last = now

    def ended(self, status: int) -> None:
        if self._end.done():
            return
        body = b"".join(self._pieces)
        self._pieces.clear()
        if status == 200 and self._check(body):
            self._result.whole.append(time.perf_counter() - self._asked)
        else:
            self._result.wrong += 1
            self._result.example = self._result.example or f"{status} {body[-300:]!r}"
        self._end.set_result(None)
