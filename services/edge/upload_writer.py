"""One open write to an upload: its frames out, how the upload stands back."""

import asyncio
from typing import Any

from gemini_balance.files.v1 import files_pb2 as pb

from services.edge.files_errors import told_failures
from services.edge.uploads.frames import Frame
from services.edge.uploads.upload import Upload, UploadState, Write
from services.kit.bytes_field import write_bytes_field
from services.kit.grpc_stream import ClientStream

_STATE = {
    pb.Upload.STATE_ACTIVE: UploadState.ACTIVE,
    pb.Upload.STATE_FINALIZED: UploadState.FINALIZED,
    pb.Upload.STATE_CANCELLED: UploadState.CANCELLED,
    pb.Upload.STATE_FAILED: UploadState.FAILED,
}


class UploadWriter:
    """An open write. Every method raises ApiError for what the service reports."""

    def __init__(self, stream: ClientStream[Any], silence: float) -> None:
        """Take a stream, and how many seconds the service may be silent."""
        self._stream = stream
        self._silence = silence

    async def begin(self, upload_id: str, write: Write, patience: float) -> None:
        """Say what will follow.

        Args:
            upload_id: The upload.
            write: What is about to be written.
            patience: How many seconds to wait for a service that is away.
        """
        begin = pb.WriteUploadRequest.Begin(
            upload_id=upload_id,
            write_offset=write.offset,
            mime_type=write.mime_type,
            content_length=write.length,
            finishes=write.finishes,
        )
        await self._send(pb.WriteUploadRequest(begin=begin).SerializeToString(), patience)

    async def send(self, frame: Frame) -> bool:
        """Send at most 1 MiB; waits while the service cannot keep up.

        Returns:
            False when the service takes no more; `finish` says how the upload stands.
        """
        return await self._send(
            write_bytes_field(pb.WriteUploadRequest.CHUNK_FIELD_NUMBER, frame), self._silence
        )

    async def finish(self, *, complete: bool) -> Upload:
        """End the write and return the upload.

        Args:
            complete: Whether the file is complete; only for a write that said so before.
        """
        if complete:
            last = pb.WriteUploadRequest(finish=pb.WriteUploadRequest.Finish())
            await self._send(last.SerializeToString(), self._silence)
        with told_failures():
            async with asyncio.timeout(self._silence):
                response = await self._stream.finish()
        return read_upload(response.upload)

    async def _send(self, message: bytes, silence: float) -> bool:
        with told_failures():
            async with asyncio.timeout(silence):
                return await self._stream.send(message)


def read_upload(message: pb.Upload) -> Upload:
    """Return an upload of the contract."""
    return Upload(
        upload_id=message.upload_id,
        state=_STATE[message.state],
        committed_size=message.committed_size,
        granularity=message.chunk_granularity,
        status=message.final_http_status,
        content_type=message.final_content_type,
        body=message.final_body,
    )
