"""The contract of the files service on the wire.

This version answers every call with UNIMPLEMENTED `NOT_BUILT`, so that callers
can tell a call that does not exist yet from a call that failed.
"""

# ruff: noqa: N802  # the methods are named by the contract

from collections.abc import AsyncIterator

from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.kit.errors import NotBuiltError
from services.kit.grpc_boundary import Context


class FilesServicer(files_pb2_grpc.FilesServiceServicer):
    """Owns resumable upload sessions and the files they become."""

    async def CreateUpload(
        self, request: pb.CreateUploadRequest, context: Context
    ) -> pb.CreateUploadResponse:
        """Open an upload session."""
        raise _not_built("CreateUpload")

    async def WriteUpload(
        self, request_iterator: AsyncIterator[pb.WriteUploadRequest], context: Context
    ) -> pb.WriteUploadResponse:
        """Append bytes at an offset."""
        raise _not_built("WriteUpload")

    async def GetUpload(
        self, request: pb.GetUploadRequest, context: Context
    ) -> pb.GetUploadResponse:
        """Tell how far an upload is."""
        raise _not_built("GetUpload")

    async def CancelUpload(
        self, request: pb.CancelUploadRequest, context: Context
    ) -> pb.CancelUploadResponse:
        """Give an upload up."""
        raise _not_built("CancelUpload")

    async def GetFile(self, request: pb.GetFileRequest, context: Context) -> pb.GetFileResponse:
        """Return one file."""
        raise _not_built("GetFile")

    async def ListFiles(
        self, request: pb.ListFilesRequest, context: Context
    ) -> pb.ListFilesResponse:
        """List a client's files."""
        raise _not_built("ListFiles")

    async def DeleteFile(
        self, request: pb.DeleteFileRequest, context: Context
    ) -> pb.DeleteFileResponse:
        """Delete a file everywhere."""
        raise _not_built("DeleteFile")

    def DownloadFile(
        self, request: pb.DownloadFileRequest, context: Context
    ) -> AsyncIterator[pb.DownloadFileResponse]:
        """Stream the bytes of a file."""
        raise _not_built("DownloadFile")

    async def EnsureFile(
        self, request: pb.EnsureFileRequest, context: Context
    ) -> pb.EnsureFileResponse:
        """Make a file usable in a project."""
        raise _not_built("EnsureFile")


def _not_built(method: str) -> NotBuiltError:
    return NotBuiltError(
        f"{method} is not built in this version of the files service",
        metadata={"method": method},
    )
