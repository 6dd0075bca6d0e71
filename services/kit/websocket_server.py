"""WebSockets on uvicorn: with back-pressure, bounded, and ended by the app alone."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_CLOSE_SECONDS = 2.0
_PING_SECONDS = 20.0
_PONG_SECONDS = 60.0
_PIECE_BYTES = 16 * 1024


class PatientWebSocket(WebSocketsSansIOProtocol):
    """A connection whose app may go on while the server drains, as answers over HTTP may.

    Uvicorn would close it in the moment in which it stops listening.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*args, **options)
        self.close_timeout = _CLOSE_SECONDS
        self._unread = bytearray()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client.

        Uvicorn would make messages of all of them before it stops reading, and tiny ones take
        sixty times as much room then as on the wire.
        """
        self._unread += data
        self._read_on()

    async def receive(self) -> Any:
        """Return the next message to the app."""
        message = await super().receive()
        self._read_on()
        return message

    def _read_on(self, *, to_the_end: bool = False) -> None:
        while self._unread and (to_the_end or not self.read_paused):
            piece = bytes(self._unread[:_PIECE_BYTES])
            del self._unread[:_PIECE_BYTES]
            super().data_received(piece)

    async def send(self, message: Any) -> None:
        """Send a message of the app."""
        await super().send(message)
        if message["type"] == "websocket.close":
            # Nobody receives any more, and the client's own close may be among it.
            self._read_on(to_the_end=True)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            # Uvicorn forgets it, and then calls each refused opening an error.
            self.handshake_complete = True

    def shutdown(self) -> None:
        """Leave the end to the app, which is cancelled when the time to drain is over."""
        if not self.handshake_complete or self.close_sent:
            super().shutdown()


def websocket_options(max_message_bytes: int) -> dict[str, Any]:
    """Return the options of `serve_http` with which an app gets WebSockets, too.

    A peer that has gone is noticed by the pings that it does not answer. Messages are not
    compressed: sound does not shrink, and each connection would hold the state of it.

    Args:
        max_message_bytes: Longer messages end the connection with 1009.
    """
    return {
        "ws": PatientWebSocket,
        "ws_max_size": max_message_bytes,
        "ws_ping_interval": _PING_SECONDS,
        "ws_ping_timeout": _PONG_SECONDS,
        "ws_per_message_deflate": False,
    }
