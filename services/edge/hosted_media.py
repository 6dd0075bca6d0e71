"""Generated media at the files service: put away, and read by whoever knows the id."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc.aio
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.edge.errors import ApiError
from services.edge.files_errors import told_failures
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel

_FRAME = 256 * 1024
_PATIENCE_SECONDS = 5.0
_PUT_SECONDS = 60.0
_SILENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Medium:
    """A medium, and its bytes as they arrive; `pieces` raises ApiError when they break off.

    Attributes:
        mime_type: As it was put.
        size: All of its bytes, whatever part is read.
        seconds: How much longer it is kept.
        pieces: What was asked for.
    """

    mime_type: str
    size: int
    seconds: int
    pieces: AsyncIterator[bytes]


class HostedMedia:
    """Calls of the files service about media."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Take the channel that all calls of the service share."""
        self._channel = channel
        self._stub: Any = files_pb2_grpc.FilesServiceStub(channel.channel)

    async def put(self, mime_type: str, content: bytes) -> str:
        """Keep a medium and return its id.

        Raises:
            ApiError: It cannot be kept now.
            RemoteError: It cannot be kept at all.
        """
        head = pb.PutMediaRequest.Head(mime_type=mime_type, size_bytes=len(content))
        await self._be_there()
        stream = self._channel.stream(self._stub.PutMedia)
        try:
            with told_failures():
                async with asyncio.timeout(_PUT_SECONDS):
                    going = await stream.send(pb.PutMediaRequest(head=head).SerializeToString())
                    for start in range(0, len(content), _FRAME):
                        if not going:
                            break
                        chunk = pb.PutMediaRequest(chunk=content[start : start + _FRAME])
                        going = await stream.send(chunk.SerializeToString())
                    return str((await stream.finish()).media_id)
        finally:
            stream.cancel()

    @contextlib.asynccontextmanager
    async def open(
        self, media_id: str, offset: int = 0, limit: int | None = None
    ) -> AsyncIterator[Medium]:
        """Open a medium for the length of the block.

        Args:
            media_id: As it was told.
            offset: The first byte that is wanted.
            limit: So many bytes at most; 0 for the description alone, None for all.

        Raises:
            ApiError: 404 when there is none, 503 when it cannot be had now.
        """
        request = pb.GetMediaRequest(media_id=media_id, read_offset=offset, read_limit=limit)
        await self._be_there()
        call = self._stub.GetMedia(request, metadata=self._channel.metadata(), wait_for_ready=True)
        try:
            first = await _read(call)
            if first is None or not first.HasField("head"):
                raise _unknown()
            head = first.head
            left = head.expire_time.ToDatetime(UTC) - datetime.now(UTC)
            yield Medium(
                head.mime_type,
                head.size_bytes,
                max(0, int(left.total_seconds())),
                _pieces(call),
            )
        finally:
            call.cancel()

    async def _be_there(self) -> None:
        with told_failures():
            # A service that is restarting is back by then, one that is away is not.
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._channel.channel.channel_ready()


async def _pieces(call: Any) -> AsyncIterator[bytes]:
    while (message := await _read(call)) is not None:
        yield message.chunk


async def _read(call: Any) -> pb.GetMediaResponse | None:
    with told_failures():
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                message = await call.read()
        except grpc.aio.AioRpcError as error:
            told = RemoteError(error)
            if told.reason == "MEDIUM_UNKNOWN":
                raise _unknown() from None
            raise told from error
    return message if isinstance(message, pb.GetMediaResponse) else None


def _unknown() -> ApiError:
    return ApiError(404, "There is no such media, or it has expired.", code="media_not_found")
