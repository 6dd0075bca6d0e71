"""Where the files of clients lie, and how they come to lie elsewhere: the files service."""

import time
from dataclasses import dataclass
from typing import Any

from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.edge.errors import ApiError, files_away
from services.edge.files_errors import files_error
from services.edge.resources.names import Binding
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel

_LOOK_SECONDS = 10.0
# A copy that is about to expire is none for a request that takes a while.
_LEAST_LIFE_SECONDS = 600.0


class NotStoredError(Exception):
    """The bytes of a file were not kept, so it cannot be made usable elsewhere."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a file lies.

    Attributes:
        names: Its name in each project in which it lies.
        is_stored: Whether its bytes are kept, so that it can lie in any project.
    """

    names: dict[str, str]
    is_stored: bool


class Copies:
    """Calls of the files service about where files lie.

    Every one raises ApiError for what clients can be told, such as that the service
    is away.
    """

    def __init__(self, channel: ServiceChannel, *, ensure_seconds: float) -> None:
        """Take the channel, and how long bringing a file to a project may take."""
        self._channel = channel
        self._stub: Any = files_pb2_grpc.FilesServiceStub(channel.channel)
        self._ensure_seconds = ensure_seconds

    async def locate(self, pool: str, file: Binding) -> Whereabouts:
        """Return where a file lies."""
        request = pb.GetFileRequest(name=file.name, client_id=file.client_id, pool=pool)
        found: pb.File = (await self._call(self._stub.GetFile, request, _LOOK_SECONDS)).file
        soon = time.time() + _LEAST_LIFE_SECONDS
        names = {
            copy.project_id: copy.upstream_name
            for copy in found.copies
            if not copy.HasField("expire_time") or copy.expire_time.ToSeconds() > soon
        }
        return Whereabouts(names | {file.project_id: file.name}, found.stored)

    async def ensure(self, pool: str, file: Binding, project_id: str) -> str:
        """Return the name of a file in a project, once it lies there.

        Raises:
            NotStoredError: Its bytes were not kept.
        """
        request = pb.EnsureFileRequest(
            name=file.name, client_id=file.client_id, project_id=project_id, pool=pool
        )
        response = await self._call(self._stub.EnsureFile, request, self._ensure_seconds)
        return str(response.upstream_name)

    async def _call(self, method: Any, request: Any, seconds: float) -> Any:
        try:
            return await self._channel.call(method, request, timeout=seconds)
        except RemoteError as error:
            if error.reason == "FILE_NOT_STORED":
                raise NotStoredError from None
            told = files_error(error)
            # The request may be served without the service: its bugs are its own.
            raise (told if isinstance(told, ApiError) else files_away()) from error
