"""One session that is set up: messages in both directions until somebody ends it."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from services.edge import metrics
from services.edge.drain import Drain
from services.edge.errors import ApiError
from services.edge.leasing.desk import LeaseDesk
from services.edge.leasing.lease import HeldKey
from services.edge.live.client_side import ClientSide, LeftError
from services.edge.live.closes import (
    FAILED,
    KEY_LOST,
    REFUSED,
    TOO_LARGE,
    Close,
    Side,
    close_of_error,
)
from services.edge.live.handles import Handles
from services.edge.live.later import LaterMessages
from services.edge.live.messages import Message, go_away, handle_in, usage_in
from services.edge.live.upstream import told
from services.edge.usage import TokenUsage

_TOO_LONG = "The upstream sent a message that is longer than what is passed on."
_NO_PONG = "The connection to the upstream was lost."


class Session:
    """Relays one session.

    Each direction waits for its receiver before it reads on, so what is held of a session is a
    few messages, however slow a side is.

    Attributes:
        usage: What the upstream has counted so far, None before it did.
        ended_by: What the upstream gave as the end, if it was the one to end it.
    """

    def __init__(
        self, client: ClientSide, upstream: ClientConnection, handles: Handles, later: LaterMessages
    ) -> None:
        """Take both ends, who binds handles, and who looks at the client's messages."""
        self._client = client
        self._upstream = upstream
        self._handles = handles
        self._later = later
        self._last = time.monotonic()
        self._is_text = False
        self.usage: TokenUsage | None = None
        self.ended_by: tuple[int, str] | None = None

    async def run(
        self, first: Message, *, desk: LeaseDesk, key: HeldKey, drain: Drain, idle_seconds: float
    ) -> Close:
        """Relay until the end, and return what the client is to be told of it.

        Args:
            first: What the upstream has said already.
            desk: Knows when the key is lost.
            key: In use.
            drain: Tells when the edge is being stopped.
            idle_seconds: How long both sides may be silent.
        """
        try:
            await self._pass_on(first)
        except LeftError as left:
            return left.close
        return await _first_of(
            self._from_client(),
            self._from_upstream(),
            self._until_idle(idle_seconds),
            self._until_lost(desk, key),
            self._warn(drain),
        )

    async def _from_client(self) -> Close:
        while True:
            try:
                message = await self._client.receive()
            except LeftError as left:
                return left.close
            self._last = time.monotonic()
            metrics.live_from_client(len(message))
            try:
                await self._upstream.send(await self._later.checked(message))
            except ApiError as error:
                return close_of_error(error)
            except websockets.ConnectionClosed as error:
                return self._upstreams(error)

    async def _from_upstream(self) -> Close:
        while True:
            try:
                message = await self._upstream.recv()
            except websockets.ConnectionClosed as error:
                return self._upstreams(error)
            self._last = time.monotonic()
            metrics.live_from_upstream(len(message))
            try:
                await self._pass_on(message)
            except LeftError as left:
                return left.close

    async def _pass_on(self, message: Message) -> None:
        self._is_text = isinstance(message, str)
        if (used := usage_in(message)) is not None:
            self.usage = used if self.usage is None else self.usage + used
        if handle := handle_in(message):
            await self._handles.note(handle)
        await self._client.send(message)

    async def _until_idle(self, seconds: float) -> Close:
        while (left := self._last + seconds - time.monotonic()) > 0:
            await asyncio.sleep(left)
        return Close(REFUSED, f"Nothing was sent for {seconds:g} seconds.")

    @staticmethod
    async def _until_lost(desk: LeaseDesk, key: HeldKey) -> Close:
        await desk.until_lost(key)
        return Close(FAILED, KEY_LOST)

    async def _warn(self, drain: Drain) -> Close:
        """Tell the client once that the edge is being stopped; others end the session then."""
        await drain.begun.wait()
        try:
            await self._client.send(go_away(drain.seconds_left, as_text=self._is_text))
        except LeftError as left:
            return left.close
        return await asyncio.Future()

    def _upstreams(self, error: websockets.ConnectionClosed) -> Close:
        if error.sent is not None and not error.rcvd_then_sent:
            # The library ended it: a message beyond the limit, or pings without an answer.
            is_long = error.sent.code == TOO_LARGE
            return Close(FAILED, _TOO_LONG if is_long else _NO_PONG)
        self.ended_by = told(error)
        return Close(*self.ended_by, Side.UPSTREAM)


async def _first_of(*works: Coroutine[Any, Any, Close]) -> Close:
    """Return what the first work to end returns; the others are cancelled, and at their end."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    # In their order: what a side says goes before what is said of it.
    return next(task.result() for task in tasks if not task.cancelled())
