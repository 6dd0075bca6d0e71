"""WebSockets on uvicorn: with back-pressure, bounded, and ended by the app alone."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_CLOSE_SECONDS = 2.0
_PING_SECONDS = 20.0
_PONG_SECONDS = 60.0


class PatientWebSocket(WebSocketsSansIOProtocol):
    """A connection whose app may go on while the server drains, as answers over HTTP may.

    Uvicorn would close it in the moment in which it stops listening.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*args, **options)
        self.close_timeout = _CLOSE_SECONDS

    async def send(self, message: Any) -> None:
        """Send a message of the app."""
        await super().send(message)
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
