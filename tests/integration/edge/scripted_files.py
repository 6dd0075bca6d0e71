"""A files service that does what a test says, behind the real contract and channel."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.kit.credentials import CredentialBook
from services.kit.grpc_boundary import Context
from services.kit.grpc_server import serve_grpc
from services.kit.health import Health
from tests.support.keypool import CREDENTIALS

SERVICE = pb.DESCRIPTOR.services_by_name["FilesService"].full_name
GRANULE = 8 * 1024 * 1024

Frames = AsyncIterator[pb.WriteUploadRequest]


def active(committed: int = 0) -> pb.Upload:
    """Return an upload that takes bytes."""
    return pb.Upload(
        upload_id="the-upload",
        state=pb.Upload.STATE_ACTIVE,
        committed_size=committed,
        chunk_granularity=GRANULE,
    )


def ended(status: int, body: bytes, *, failed: bool = False) -> pb.Upload:
    """Return an upload with Google's last answer."""
    upload = active()
    upload.state = pb.Upload.STATE_FAILED if failed else pb.Upload.STATE_FINALIZED
    upload.final_http_status, upload.final_body = status, body
    upload.final_content_type = "application/json; charset=UTF-8"
    return upload


@dataclass
class Script(files_pb2_grpc.FilesServiceServicer):
    """What the service does, and what it has seen.

    Attributes:
        on_write: Called with the frames of each write.
        on_download: Called for each download.
        created: The orders received.
        begun: The first frame of each write.
        bytes_read: Of all writes.
        cancelled: Uploads that were given up.
        broken_off: Writes whose caller has left.
    """

    on_write: Callable[["Script", Frames], Awaitable[pb.Upload]] | None = None
    on_download: Callable[[], AsyncIterator[pb.DownloadFileResponse]] | None = None
    created: list[pb.CreateUploadRequest] = field(default_factory=list)
    begun: list[pb.WriteUploadRequest.Begin] = field(default_factory=list)
    bytes_read: int = 0
    cancelled: list[str] = field(default_factory=list)
    broken_off: asyncio.Event = field(default_factory=asyncio.Event)

    async def CreateUpload(  # noqa: N802  # the contract's names, here and below
        self, request: pb.CreateUploadRequest, context: Context
    ) -> pb.CreateUploadResponse:
        self.created.append(request)
        return pb.CreateUploadResponse(upload=active())

    async def WriteUpload(  # noqa: N802
        self, request_iterator: Frames, context: Context
    ) -> pb.WriteUploadResponse:
        first = await anext(request_iterator)
        self.begun.append(first.begin)
        assert self.on_write is not None
        try:
            upload = await self.on_write(self, request_iterator)
        except asyncio.CancelledError:
            self.broken_off.set()
            raise
        return pb.WriteUploadResponse(upload=upload)

    async def CancelUpload(  # noqa: N802
        self, request: pb.CancelUploadRequest, context: Context
    ) -> pb.CancelUploadResponse:
        self.cancelled.append(request.upload_id)
        return pb.CancelUploadResponse(upload=active())

    async def DownloadFile(  # noqa: N802
        self, request: pb.DownloadFileRequest, context: Context
    ) -> AsyncIterator[pb.DownloadFileResponse]:
        assert self.on_download is not None
        async for response in self.on_download():
            yield response

    async def read(self, frames: Frames, size: int | None = None) -> bool:
        """Read so many bytes more, or all; whether a finish frame came."""
        end = None if size is None else self.bytes_read + size
        while end is None or self.bytes_read < end:
            frame = await anext(frames, None)
            if frame is None or frame.HasField("finish"):
                return frame is not None
            assert len(frame.chunk) <= 1024 * 1024
            self.bytes_read += len(frame.chunk)
        return False


@contextlib.asynccontextmanager
async def scripted_files(script: Script) -> AsyncIterator[str]:
    """Run a scripted service for the length of the block and yield its target."""
    health = Health("here")
    book = [{"name": "edge", "secret": CREDENTIALS["edge"][0], "scopes": ["files", "act-as"]}]
    async with serve_grpc(
        "127.0.0.1:0",
        lambda server: files_pb2_grpc.add_FilesServiceServicer_to_server(script, server),
        domain="gemini_balance.files.v1",
        book=CredentialBook(json.dumps(book)),
        scopes={SERVICE: "files"},
        health=health,
        drain_seconds=0,
    ) as port:
        health.report("here", well=True)
        yield f"127.0.0.1:{port}"
