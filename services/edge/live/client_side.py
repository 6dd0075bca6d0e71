"""The client's end of a session, over ASGI."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from uvicorn.protocols.utils import ClientDisconnected

from services.edge.envelopes import Headers
from services.edge.live.closes import Close, Side
from services.edge.live.messages import Message
from services.kit.ops import Receive, Send

T = TypeVar("T")

_NO_STATUS = 1005
_LONGEST_REFUSAL = 16 * 1024


class LeftError(Exception):
    """The client has closed the connection, or has lost it.

    Attributes:
        close: How.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        """Take what the client gave."""
        super().__init__(f"the client left with {code}")
        self.close = Close(code, reason, Side.CLIENT)


class ClientSide:
    """Messages from a client and to it.

    The server stops reading from a client whose messages are not received, and `send` waits
    while a client does not take in what it was sent.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        """Take the connection, whose opening was not answered yet."""
        self._receive = receive
        self._send = send
        self._next: asyncio.Task[Message] | None = None
        self._is_open = False

    async def accept(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Let the client in.

        Raises:
            LeftError: It did not wait.
        """
        await self._receive()
        await self._put({"type": "websocket.accept", "headers": list(headers)})
        self._is_open = True

    async def refuse(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer the opening over HTTP instead."""
        await self._receive()
        start = {"type": "websocket.http.response.start", "status": status, "headers": headers}
        await self._put(start)
        await self._put({"type": "websocket.http.response.body", "body": body[:_LONGEST_REFUSAL]})

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            LeftError: There is none.
        """
        coming, self._next = self._next, None
        return await (self._read() if coming is None else coming)

    async def while_there(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work for as long as the client does; one message of it is kept meanwhile.

        Raises:
            LeftError: It left before the end; the work was cancelled.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._read())
        doing = asyncio.create_task(work)
        try:
            await asyncio.wait({doing, self._next}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done() and self._next.exception() is not None:
                await self.receive()
            return await doing
        finally:
            if not doing.done():
                doing.cancel()
                await asyncio.wait({doing})

    async def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            LeftError: The client is not there any more.
        """
        kind = "text" if isinstance(message, str) else "bytes"
        await self._put({"type": "websocket.send", kind: message})

    async def close(self, close: Close) -> None:
        """End the connection, if it was not ended by the client."""
        if self._next is not None and not self._next.cancel() and not self._next.cancelled():
            # Looked at, so that nobody calls it lost.
            self._next.exception()
        if self._is_open:
            self._is_open = False
            message = {"type": "websocket.close", "code": close.code, "reason": close.reason}
            try:
                await self._put(message)
            except LeftError:
                return

    async def _read(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._is_open = False
            raise LeftError(message.get("code", _NO_STATUS), message.get("reason") or "")
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def _put(self, message: dict[str, Any]) -> None:
        try:
            await self._send(message)
        except ClientDisconnected:
            self._is_open = False
            raise LeftError(_NO_STATUS) from None
