"""Clients that ask one plain question after the other, for some seconds or some requests."""

import asyncio
import time
from dataclasses import dataclass, field

from bench.load.connection import Address, Check, Connection


@dataclass(slots=True)
class PlainResult:
    """What a load saw.

    Attributes:
        latencies: Seconds of each request, in the order in which they ended.
        wrong: Answers with a wrong status or body, and broken connections.
        example: The first wrong one, for people.
        seconds: How long it took, to the last answer.
    """

    latencies: list[float] = field(default_factory=list)
    wrong: int = 0
    example: str = ""
    seconds: float = 0


async def plain_load(
    address: Address,
    request: bytes,
    check: Check,
    *,
    connections: int,
    seconds: float,
    at_most: int | None = None,
    patience: float = 60,
) -> PlainResult:
    """Keep so many connections busy for so many seconds, and let each end its last request.

    An answer that has not come `patience` seconds later is wrong.
    """
    load = _Load(request, check, at_most)
    loop = asyncio.get_running_loop()
    clients = [_Client(load) for _ in range(connections)]
    opened = [
        await loop.create_connection(
            lambda client=client: Connection(client),  # type: ignore[misc]
            address.host,
            address.ports[number % len(address.ports)],
        )
        for number, client in enumerate(clients)
    ]
    began = time.perf_counter()
    load.until = began + seconds
    for client, (_, connection) in zip(clients, opened, strict=True):
        load.open += 1
        client.start(connection)
    try:
        async with asyncio.timeout(seconds + patience):
            await load.done.wait()
    except TimeoutError:
        load.result.wrong += load.open
        load.result.example = load.result.example or f"no answer within {patience:g} s"
    finally:
        load.is_over = True
        for transport, _ in opened:
            transport.close()
    load.result.seconds = time.perf_counter() - began
    return load.result


class _Load:
    def __init__(self, request: bytes, check: Check, at_most: int | None) -> None:
        self.request = request
        self.check = check
        self.until = 0.0
        self.open = 0
        self.is_over = False
        self.left = at_most if at_most is not None else 1 << 62
        self.done = asyncio.Event()
        self.result = PlainResult()


class _Client:
    """One connection's questions."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._pieces: list[bytes] = []
        self._asked = 0.0
        self._connection: Connection

    def start(self, connection: Connection) -> None:
        self._connection = connection
        self._ask()

    def heard(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def ended(self, status: int) -> None:
        now = time.perf_counter()
        load, result = self._load, self._load.result
        if load.is_over:
            return
        body = b"".join(self._pieces)
        self._pieces.clear()
        if status == 200 and load.check(body):
            result.latencies.append(now - self._asked)
        else:
            result.wrong += 1
            result.example = result.example or f"{status} {body[:300]!r}"
        if status == 0 or now >= load.until or load.left <= 0:
            load.open -= 1
            if load.open == 0:
                load.done.set()
        else:
            self._ask()

    def _ask(self) -> None:
        self._load.left -= 1
        self._asked = self._connection.ask(self._load.request)
