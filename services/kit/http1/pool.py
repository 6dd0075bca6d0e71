"""Connections to one server: the last one used is used again first."""

import asyncio
import socket
import ssl
from dataclasses import dataclass

import aiohappyeyeballs
import httpx

from services.kit.http1.answer import Answer
from services.kit.http1.connection import Connection
from services.kit.http1.reply import ExchangeError, Headers
from services.kit.http1.request import encode_head

_KEPT_SECONDS = 60.0
"""How long a connection may be idle; servers commonly keep them for longer."""

_NAMES_SECONDS = 60.0
_SECOND_FAMILY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect: For a connection, TLS included.
        silence: For the next bytes of an answer.
    """

    connect: float
    silence: float


class Http1Client:
    """Sends requests to one server over as many connections as there are requests at once."""

    def __init__(
        self, base_url: str, timeouts: Timeouts, *, tls: ssl.SSLContext | None = None
    ) -> None:
        """Take the server's address; must happen inside the running event loop.

        Args:
            base_url: `http://` or `https://`, host and port.
            timeouts: How long to wait.
            tls: What to trust; by default what the system trusts.
        """
        url = httpx.URL(base_url)
        is_secure = url.scheme == "https"
        self._name = url.raw_host.decode("ascii")
        self._port = url.port or (443 if is_secure else 80)
        self._host = url.netloc
        self._tls = (tls or ssl.create_default_context()) if is_secure else None
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._addresses: list[aiohappyeyeballs.AddrInfoType] = []
        self._addresses_until = 0.0
        self._naming: asyncio.Task[None] | None = None
        self._sweep_seconds = min(1.0, timeouts.silence / 10)
        self._sweeper = self._loop.call_later(self._sweep_seconds, self._sweep)

    @property
    def idle(self) -> int:
        """How many connections wait for a request."""
        return sum(connection.is_usable for connection in self._idle)

    async def send(self, method: str, target: bytes, headers: Headers, body: bytes) -> Answer:
        """See `Client.send`."""
        head = encode_head(method, target, self._host, headers, len(body))
        connection = self._take() or await self._dial()
        self._busy.add(connection)
        answer = connection.send(head, body, has_body=method != "HEAD")
        try:
            return await answer.head()
        except BaseException:
            await answer.close()
            raise

    async def aclose(self) -> None:
        """See `Client.aclose`."""
        self._sweeper.cancel()
        for connection in [*self._idle, *self._busy]:
            connection.fail()
        if self._naming is not None:
            self._naming.cancel()

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None

    def _freed(self, connection: Connection) -> None:
        if connection in self._busy:
            self._busy.remove(connection)
            if connection.is_usable:
                self._idle.append(connection)

    async def _dial(self) -> Connection:
        try:
            async with asyncio.timeout(self._timeouts.connect):
                return await self._connect()
        except TimeoutError:
            raise ExchangeError("no connection in time", was_sent=False, timed_out=True) from None
        except OSError as error:
            # The address may have moved: the next one asks anew.
            self._addresses_until = 0
            raise ExchangeError(f"no connection: {error}", was_sent=False) from error

    async def _connect(self) -> Connection:
        sock = await aiohappyeyeballs.start_connection(
            await self._resolve(), happy_eyeballs_delay=_SECOND_FAMILY_SECONDS, interleave=1
        )
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await self._loop.create_connection(
                lambda: Connection(self._freed),
                sock=sock,
                ssl=self._tls,
                server_hostname=self._name if self._tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    async def _resolve(self) -> list[aiohappyeyeballs.AddrInfoType]:
        if self._addresses_until <= self._loop.time():
            if self._naming is None:
                self._naming = self._loop.create_task(self._look_up())
                # Whoever waits hears of a failure; if nobody does any more, nobody need know.
                self._naming.add_done_callback(lambda task: task.cancelled() or task.exception())
            # Shared: who gives up does not take the answer from the others.
            await asyncio.shield(self._naming)
        return list(self._addresses)

    async def _look_up(self) -> None:
        try:
            self._addresses = [
                *await self._loop.getaddrinfo(self._name, self._port, type=socket.SOCK_STREAM)
            ]
            self._addresses_until = self._loop.time() + _NAMES_SECONDS
        finally:
            self._naming = None

    def _sweep(self) -> None:
        now = self._loop.time()
        for connection in list(self._busy):
            connection.check(now, self._timeouts.silence)
        fresh = now - _KEPT_SECONDS
        for connection in self._idle:
            if connection.active_at < fresh:
                connection.fail()
        self._idle = [connection for connection in self._idle if connection.is_usable]
        self._sweeper = self._loop.call_later(self._sweep_seconds, self._sweep)
