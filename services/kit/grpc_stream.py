"""Calls that send a stream and get one answer, with the true reason when they fail."""

import asyncio
import contextlib
from typing import Any, Generic, TypeVar

import grpc.aio
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # the stubs stop at its edge

from services.kit.errors import RemoteError

T = TypeVar("T")


class ClientStream(Generic[T]):
    """The caller's side of such a call.

    How long the server may be silent is for the caller to limit: a cancelled
    `send` or `finish` ends the call.
    """

    def __init__(self, call: Any) -> None:
        """Take a call that was made without a request iterator."""
        self._call: Any = call

    async def send(self, message: bytes) -> bool:
        """Send a message; returns once the transport has room for the next.

        Args:
            message: In its wire form.

        Returns:
            False when the server has answered already and takes no more; `finish`
            returns that answer.

        Raises:
            RemoteError: The call has failed.
        """
        try:
            await self._call.wait_for_connection()
            if not self._call.done():
                # `call.write` would replace the reason of a call that the server ends
                # early by "Internal error from Core"; here, the reason survives.
                sending = self._call._cython_call  # noqa: SLF001
                await sending.send_serialized_message(message)
                return True
        except (cygrpc.InternalError, cygrpc.UsageError):
            # The call is over; its answer or its failure is on the way.
            pass
        except grpc.aio.AioRpcError as error:
            raise RemoteError(error) from error
        except asyncio.CancelledError:
            self.cancel()
            raise
        await self._answer()
        return False

    async def finish(self) -> T:
        """Say that no message follows, and return the answer.

        Raises:
            RemoteError: The call has failed.
        """
        with contextlib.suppress(cygrpc.InternalError, cygrpc.UsageError):
            await self._call.done_writing()
        return await self._answer()

    def cancel(self) -> None:
        """Give the call up; nothing happens once it is over."""
        self._call.cancel()

    async def _answer(self) -> T:
        try:
            answer: T = await self._call
        except grpc.aio.AioRpcError as error:
            raise RemoteError(error) from error
        return answer
