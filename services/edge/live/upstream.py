"""Opening a session at Google with a leased key."""

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import ClientConnection, connect

from services.edge.calls import Call
from services.edge.leasing.lease import HeldKey
from services.edge.live.closes import (
    GOING_AWAY,
    NORMAL,
    Close,
    Refusal,
    Side,
    refusal_of,
    shortened,
)
from services.edge.live.messages import Message, is_set_up
from services.edge.upstream import Answer, UpstreamError
from services.judging import Phase

_SETUP_SECONDS = 30.0
_CLOSE_SECONDS = 2.0
_PING_SECONDS = 20.0
_PONG_SECONDS = 60.0
_FRAMES_HELD = 2
_LOST = 1006
# A status that blames nobody: with an ephemeral token it is not the key that was refused.
_NOBODYS = 409
_ABOUT_CREDENTIALS = frozenset({400, 401, 403})
# Names are resolved by the proxy: it may see another internet.
_PROXY_RESOLVES = {"socks5": "socks5h", "socks4": "socks4a"}


class _Connect(connect):
    """Follows no redirect: the key is for one host."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class LiveAnswer(Answer):
    """A session that has begun, or why there is none.

    Attributes:
        connection: To the upstream; None without a session.
        first: Its first message, which tells that the session was set up.
    """

    __slots__ = ("_body", "connection", "first")

    def __init__(
        self,
        *,
        status: int,
        body: bytes = b"",
        connection: ClientConnection | None = None,
        first: Message = b"",
    ) -> None:
        """Take what came of it."""
        self.status = status
        self.headers = [(b"content-type", b"application/json")]
        self.connection = connection
        self.first = first
        self._body = body

    async def read(self, limit: int) -> bytes:
        """Return why there is no session."""
        return self._body[:limit]

    async def close(self) -> None:
        """End the session, if there is one."""
        await self.leave(Close(NORMAL))

    async def leave(self, close: Close) -> None:
        """End the session, if there is one, in the words of the client where it ended it."""
        if self.connection is None:
            return
        # A client whose connection was lost is no reason for the upstream to think of an error.
        is_told = close.side is Side.CLIENT and close.code in {NORMAL, GOING_AWAY}
        code, reason = (close.code, shortened(close.reason)) if is_told else (NORMAL, "")
        await _leave(self.connection, code, reason)


class LiveUpstream:
    """Opens sessions; each has a connection of its own."""

    def __init__(
        self,
        base_url: str,
        custom_headers: Mapping[str, str],
        *,
        connect_seconds: float,
        max_message_bytes: int,
    ) -> None:
        """Take the upstream's root without a version, and what all calls carry.

        Args:
            base_url: With `http` or `https`.
            custom_headers: They win over those of clients.
            connect_seconds: Longest wait for a connection.
            max_message_bytes: A longer message of the upstream ends its session.
        """
        parts = urlsplit(base_url)
        self._is_secure = parts.scheme == "https"
        self._root = f"{'wss' if self._is_secure else 'ws'}://{parts.netloc}{parts.path}"
        self._tls = ssl.create_default_context() if self._is_secure else None
        self._custom = {name.lower(): value for name, value in custom_headers.items()}
        self._connect_seconds = connect_seconds
        self._max_message_bytes = max_message_bytes

    async def send(self, call: Call, key: HeldKey) -> LiveAnswer:
        """Open a session and set it up: the call's body is the setup.

        Raises:
            UpstreamError: There was no connection.
        """
        own = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers}
        is_constrained = "authorization" in own
        headers = own | self._custom
        if not is_constrained:
            headers["x-goog-api-key"] = key.secret
        try:
            connection = await self._open(call.target, headers, key.proxy_url)
        except websockets.InvalidStatus as error:
            body = bytes(error.response.body or b"")
            refusal = Refusal(error.response.status_code, body)
            return _refused(refusal, is_constrained=is_constrained)
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            is_late = isinstance(error, TimeoutError)
            raise UpstreamError(Phase.CONNECT, timed_out=is_late) from error
        try:
            return await self._set_up(connection, call.body, is_constrained=is_constrained)
        except BaseException:
            await _leave(connection)
            raise

    async def _open(
        self, target: str, headers: Mapping[str, str], proxy_url: str
    ) -> ClientConnection:
        scheme, colon, rest = proxy_url.partition(":")
        proxy = f"{_PROXY_RESOLVES.get(scheme, scheme)}{colon}{rest}" if proxy_url else None
        return await _Connect(
            self._root + target,
            additional_headers=headers,
            user_agent_header=None,
            compression=None,
            proxy=proxy,
            open_timeout=self._connect_seconds,
            close_timeout=_CLOSE_SECONDS,
            ping_interval=_PING_SECONDS,
            ping_timeout=_PONG_SECONDS,
            max_size=self._max_message_bytes,
            # Few, for each may be as long as the limit; a client that does not keep up stops
            # the reading.
            max_queue=_FRAMES_HELD,
            ssl=self._tls,
        )

    async def _set_up(
        self, connection: ClientConnection, setup: bytes, *, is_constrained: bool
    ) -> LiveAnswer:
        try:
            async with asyncio.timeout(_SETUP_SECONDS):
                # As SDKs send it; Google answers in frames of bytes all the same.
                await connection.send(setup.decode())
                first = await connection.recv()
        except websockets.ConnectionClosed as error:
            code, reason = told(error)
            return _refused(refusal_of(code, reason), is_constrained=is_constrained)
        except TimeoutError:
            raise UpstreamError(Phase.SENT, timed_out=True) from None
        if is_set_up(first):
            return LiveAnswer(status=200, connection=connection, first=first)
        await _leave(connection)
        body = first.encode() if isinstance(first, str) else first
        return _refused(Refusal(503, body), is_constrained=is_constrained)


def told(error: websockets.ConnectionClosed) -> tuple[int, str]:
    """Return the code and the reason that the upstream gave, 1006 when it gave none."""
    return (error.rcvd.code, error.rcvd.reason) if error.rcvd else (_LOST, "")


def _refused(refusal: Refusal, *, is_constrained: bool) -> LiveAnswer:
    status = refusal.status
    if is_constrained and status in _ABOUT_CREDENTIALS:
        status = _NOBODYS
    # An answer that is no refusal is no session either.
    return LiveAnswer(status=status if status >= 400 else 502, body=refusal.body)


async def _leave(connection: ClientConnection, code: int = NORMAL, reason: str = "") -> None:
    """End a connection; the library gives its peer a moment to do the same."""
    await connection.close(code, reason)
