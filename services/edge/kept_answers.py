"""Answers that were kept at the files service, each for the client that it was given to."""

import asyncio
import zlib
from typing import Any

from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.edge.files_errors import told_failures
from services.edge.keypool import Client
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel
from services.kit.logs import get_logger

log = get_logger(__name__)

_SECONDS = 5.0
# The client waits for an answer that is whole already.
_PUT_SECONDS = 2.0
# Most of it is text, and told again and again.
_LEVEL = 1
_LARGE = 64 * 1024


class KeptAnswers:
    """Calls of the files service about answers."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Take the channel that all calls of the service share."""
        self._channel = channel
        self._stub: Any = files_pb2_grpc.FilesServiceStub(channel.channel)

    async def put(self, client: Client, answer_id: str, content: bytes) -> bool:
        """Keep an answer; whether it is kept.

        A client that has waited for an answer gets it whatever becomes of what is kept.
        """
        request = pb.PutAnswerRequest(
            client_id=client.client_id,
            pool=client.pool,
            answer_id=answer_id,
            content=await _compressed(content),
        )
        try:
            await self._call("PutAnswer", request, _PUT_SECONDS)
        except (RemoteError, TimeoutError) as error:
            log.warning("an answer is not kept", error=str(error) or type(error).__name__)
            return False
        return True

    async def get(self, client: Client, answer_id: str) -> bytes | None:
        """Return an answer, None when the client has none of this name.

        Raises:
            ApiError: 503 when it cannot be told now.
        """
        request = pb.GetAnswerRequest(
            client_id=client.client_id, pool=client.pool, answer_id=answer_id
        )
        with told_failures():
            try:
                content: bytes = (await self._call("GetAnswer", request)).content
            except RemoteError as error:
                if error.reason == "ANSWER_UNKNOWN":
                    return None
                raise
        if len(content) <= _LARGE:
            return zlib.decompress(content)
        return await asyncio.to_thread(zlib.decompress, content)

    async def delete(self, client: Client, answer_id: str) -> bool:
        """Forget an answer; whether there was one.

        Raises:
            ApiError: 503 when it cannot be told now.
        """
        request = pb.DeleteAnswerRequest(
            client_id=client.client_id, pool=client.pool, answer_id=answer_id
        )
        with told_failures():
            try:
                await self._call("DeleteAnswer", request)
            except RemoteError as error:
                if error.reason == "ANSWER_UNKNOWN":
                    return False
                raise
        return True

    async def _call(self, name: str, request: Any, seconds: float = _SECONDS) -> Any:
        method = getattr(self._stub, name)
        # A service that is restarting is back by then, one that is away is not.
        async with asyncio.timeout(seconds):
            return await self._channel.call(method, request, timeout=seconds, wait_for_ready=True)


async def _compressed(content: bytes) -> bytes:
    if len(content) <= _LARGE:
        return zlib.compress(content, _LEVEL)
    return await asyncio.to_thread(zlib.compress, content, _LEVEL)
