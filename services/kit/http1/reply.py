"""What a client of an HTTP server gets, whichever way its request went."""

from typing import Protocol

Headers = list[tuple[bytes, bytes]]


class ExchangeError(Exception):
    """There was no answer, or not the whole of it.

    Attributes:
        was_sent: Whether the request may have reached the server.
        timed_out: Whether it was silence that ended it.
    """

    def __init__(self, message: str, *, was_sent: bool, timed_out: bool = False) -> None:
        """Say what happened, and how far the request had come."""
        super().__init__(message)
        self.was_sent = was_sent
        self.timed_out = timed_out


class Sink(Protocol):
    """Takes a body piece by piece."""

    def take(self, piece: bytes) -> bool:
        """Take a piece; False when `ready` is to be awaited before the next one."""

    async def ready(self) -> None:
        """Return once the next piece can be taken."""


class Reply(Protocol):
    """The head of an answer, and its body piece by piece."""

    status: int
    headers: Headers
    """As they came, names in lower case."""

    async def read(self) -> bytes:
        """Return what of the body has arrived and was not read, waiting for some; empty at its end.

        Raises:
            ExchangeError: It broke off, or the server was silent for too long.
        """

    async def deliver(self, sink: Sink) -> None:
        """Give the rest of the body to a sink, in the step in which it arrives if that can be.

        Raises:
            ExchangeError: See `read`. What the sink raises is raised, too.
        """
        while piece := await self.read():
            if not sink.take(piece):
                await sink.ready()

    async def close(self) -> None:
        """Let the connection go; a body that was not read to its end is cancelled."""


class Client(Protocol):
    """A way to one server, for many requests at once."""

    async def send(self, method: str, target: bytes, headers: Headers, body: bytes) -> Reply:
        """Send a request and return its answer once the head of it is there.

        Args:
            method: Such as `POST`.
            target: Path and query as they go over the wire.
            headers: Without `host` and `content-length`; names in lower case.
            body: Empty for none.

        Raises:
            ExchangeError: There was no answer.
        """

    async def aclose(self) -> None:
        """Close all connections."""
