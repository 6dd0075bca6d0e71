"""The edge's side of the contract of the files service: domain types in, gRPC out."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.edge.files_errors import told_failures
from services.edge.keypool import Client
from services.edge.stored_file import StoredFile, read_file
from services.edge.upload_writer import UploadWriter, read_upload
from services.edge.uploads.upload import Upload, UploadOrder, Write
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel
from services.kit.tls import TlsFiles

_SERVICE = "gemini_balance.files.v1.FilesService"
_PATIENCE_SECONDS = 5.0
_QUICK_SECONDS = 10.0
_UPSTREAM_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Download:
    """The bytes of a file as they arrive; `pieces` raises ApiError when they break off."""

    mime_type: str
    size: int | None
    pieces: AsyncIterator[bytes]


class Files:
    """Calls of the files service. Every one raises ApiError for what it reports.

    Attributes:
        channel: The channel that all calls of the service share.
    """

    def __init__(
        self, target: str, credential: str, *, silence: float, tls: TlsFiles | None = None
    ) -> None:
        """Open the channel; must happen inside the running event loop.

        Args:
            target: Such as `dns:///files:50052`.
            credential: What the edge presents.
            silence: How many seconds the service may be silent within a stream.
            tls: The certificate of the edge.
        """
        self._silence = silence
        self.channel = ServiceChannel(
            target,
            credential,
            service=_SERVICE,
            idempotent=(
                "CreateUpload",
                "GetUpload",
                "CancelUpload",
                "GetFile",
                "ListFiles",
                "UpdateFile",
                "PutAnswer",
                "GetAnswer",
            ),
            tls=tls,
        )
        self._stub: Any = files_pb2_grpc.FilesServiceStub(self.channel.channel)

    async def create_upload(self, order: UploadOrder) -> Upload:
        """Open an upload."""
        request = pb.CreateUploadRequest(
            client_id=order.client.client_id,
            pool=order.client.pool,
            upstream_path=order.path,
            start_body=order.body,
            mime_type=order.mime_type,
            declared_size=order.size,
            file_name=order.file_name,
            request_id=str(uuid.uuid4()),
        )
        response = await self._call("CreateUpload", request, _QUICK_SECONDS)
        return read_upload(response.upload)

    @contextlib.asynccontextmanager
    async def write(self, upload_id: str, write: Write) -> AsyncIterator[UploadWriter]:
        """Open a write for the length of the block; leaving it early gives it up."""
        stream = self.channel.stream(self._stub.WriteUpload)
        try:
            writer = UploadWriter(stream, self._silence)
            # A service that is restarting is back by then, one that is away is not.
            await writer.begin(upload_id, write, _PATIENCE_SECONDS)
            yield writer
        finally:
            stream.cancel()

    async def get_upload(self, upload_id: str) -> Upload:
        """Return how far an upload is."""
        request = pb.GetUploadRequest(upload_id=upload_id)
        return read_upload((await self._call("GetUpload", request, _QUICK_SECONDS)).upload)

    async def cancel_upload(self, upload_id: str) -> Upload:
        """Give an upload up."""
        request = pb.CancelUploadRequest(upload_id=upload_id)
        return read_upload((await self._call("CancelUpload", request, _UPSTREAM_SECONDS)).upload)

    async def get_file(self, client: Client, name: str) -> StoredFile:
        """Return a file."""
        request = pb.GetFileRequest(name=name, client_id=client.client_id, pool=client.pool)
        response = await self._call("GetFile", request, _UPSTREAM_SECONDS)
        return read_file(response.file)

    async def dedicate_file(self, client: Client, name: str, purpose: str) -> StoredFile:
        """Note what a file is for, and return it."""
        request = pb.UpdateFileRequest(
            name=name, client_id=client.client_id, pool=client.pool, purpose=purpose
        )
        return read_file((await self._call("UpdateFile", request, _QUICK_SECONDS)).file)

    async def list_files(
        self, client: Client, page_size: int, page_token: str
    ) -> tuple[list[StoredFile], str]:
        """Return the files of a page, newest first, and the token of the next page."""
        request = pb.ListFilesRequest(
            client_id=client.client_id,
            pool=client.pool,
            page_size=page_size,
            page_token=page_token,
        )
        response = await self._call("ListFiles", request, _QUICK_SECONDS)
        return [read_file(file) for file in response.files], response.next_page_token

    async def delete_file(self, client: Client, name: str) -> None:
        """Delete a file everywhere."""
        request = pb.DeleteFileRequest(name=name, client_id=client.client_id, pool=client.pool)
        await self._call("DeleteFile", request, _UPSTREAM_SECONDS)

    @contextlib.asynccontextmanager
    async def download(self, client: Client, name: str) -> AsyncIterator[Download]:
        """Open the bytes of a file for the length of the block."""
        request = pb.DownloadFileRequest(name=name, client_id=client.client_id, pool=client.pool)
        call = self._stub.DownloadFile(
            request, metadata=self.channel.metadata(), wait_for_ready=True
        )
        try:
            first = await self._read(call)
            size = first.size_bytes if first and first.HasField("size_bytes") else None
            yield Download(first.mime_type if first else "", size, self._pieces(call, first))
        finally:
            call.cancel()

    async def is_serving(self) -> bool:
        """Whether the service says of itself that it serves."""
        return await self.channel.is_serving()

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()

    async def _call(self, method: str, request: Any, timeout: float) -> Any:
        with told_failures():
            # A service that is restarting is back by then, one that is away is not.
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self.channel.channel.channel_ready()
            return await self.channel.call(getattr(self._stub, method), request, timeout=timeout)

    async def _pieces(
        self, call: Any, message: pb.DownloadFileResponse | None
    ) -> AsyncIterator[bytes]:
        while message is not None:
            if message.chunk:
                yield message.chunk
            message = await self._read(call)

    async def _read(self, call: Any) -> pb.DownloadFileResponse | None:
        with told_failures():
            try:
                async with asyncio.timeout(self._silence):
                    message = await call.read()
            except grpc.aio.AioRpcError as error:
                raise RemoteError(error) from error
        return message if isinstance(message, pb.DownloadFileResponse) else None
