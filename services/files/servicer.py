"""The wire edge of the files service: read, call, write."""

# ruff: noqa: N802  # the methods are named by the contract

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.files import answer_wire, media_wire, wire
from services.files.answers import AnswerStore
from services.files.ensuring import Ensurer
from services.files.errors import ReaderSilentError
from services.files.file_book import FileBook
from services.files.file_wire import Bytes
from services.files.frame_wire import Message, read_frames, write_chunk
from services.files.media import Media
from services.files.store import FileStore
from services.files.upload_desk import UploadDesk
from services.files.uploads import Upload
from services.files.writing import Writing
from services.kit.errors import InvalidRequestError
from services.kit.grpc_boundary import Context
from services.kit.paging import read_page_token, write_page_token

_MESSAGE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Parts:
    """What the calls work with."""

    desk: UploadDesk
    writing: Writing
    book: FileBook
    files: FileStore
    ensurer: Ensurer
    media: Media
    answers: AnswerStore


class FilesServicer(files_pb2_grpc.FilesServiceServicer):
    """Serves `FilesService`."""

    def __init__(self, parts: Parts) -> None:
        """Serve the domain's parts."""
        self._parts = parts

    async def CreateUpload(
        self, request: pb.CreateUploadRequest, context: Context
    ) -> pb.CreateUploadResponse:
        """Open an upload session."""
        upload_id, upload = await self._parts.desk.create(
            wire.read_order(request), wire.read_request_id(request)
        )
        return pb.CreateUploadResponse(upload=await self._written(upload, upload_id))

    async def WriteUpload(
        self, request_iterator: AsyncIterator[Message], context: Context
    ) -> pb.WriteUploadResponse:
        """Append bytes at an offset."""
        requests = aiter(request_iterator)
        with self._parts.writing.listening.ear() as ear:
            first = await ear.hear(requests, at_boundary=True)
        if not isinstance(first, pb.WriteUploadRequest) or not first.HasField("begin"):
            raise InvalidRequestError("begin", "must come first")
        order = wire.read_begin(first.begin)
        upload = await self._parts.writing.write(order, read_frames(requests))
        return pb.WriteUploadResponse(upload=await self._written(upload, order.upload_id))

    async def GetUpload(
        self, request: pb.GetUploadRequest, context: Context
    ) -> pb.GetUploadResponse:
        """Tell how far an upload is."""
        upload = await self._parts.desk.get(wire.read_upload_id(request.upload_id))
        return pb.GetUploadResponse(upload=await self._written(upload, request.upload_id))

    async def CancelUpload(
        self, request: pb.CancelUploadRequest, context: Context
    ) -> pb.CancelUploadResponse:
        """Give an upload up."""
        upload = await self._parts.desk.cancel(wire.read_upload_id(request.upload_id))
        return pb.CancelUploadResponse(upload=await self._written(upload, request.upload_id))

    async def GetFile(self, request: pb.GetFileRequest, context: Context) -> pb.GetFileResponse:
        """Return one file."""
        reader = wire.read_reader(request.client_id, request.pool)
        record = await self._parts.book.get(reader, wire.read_file_name(request.name))
        return pb.GetFileResponse(file=wire.write_file(record))

    async def ListFiles(
        self, request: pb.ListFilesRequest, context: Context
    ) -> pb.ListFilesResponse:
        """List a client's files."""
        found, after = await self._parts.book.list_page(
            wire.read_reader(request.client_id, request.pool),
            wire.read_page_size(request.page_size),
            wire.check_position(read_page_token(request.page_token, 2)),
        )
        return pb.ListFilesResponse(
            files=[wire.write_file(record) for record in found],
            next_page_token=write_page_token(*after) if after else "",
        )

    async def UpdateFile(
        self, request: pb.UpdateFileRequest, context: Context
    ) -> pb.UpdateFileResponse:
        """Change what is kept of a file beside Google's description."""
        record = await self._parts.book.dedicate(
            wire.read_reader(request.client_id, request.pool),
            wire.read_file_name(request.name),
            wire.read_purpose(request.purpose),
        )
        return pb.UpdateFileResponse(file=wire.write_file(record))

    async def DeleteFile(
        self, request: pb.DeleteFileRequest, context: Context
    ) -> pb.DeleteFileResponse:
        """Delete a file everywhere."""
        reader = wire.read_reader(request.client_id, request.pool)
        await self._parts.book.delete(reader, wire.read_file_name(request.name))
        return pb.DeleteFileResponse()

    async def DownloadFile(
        self, request: pb.DownloadFileRequest, context: Context
    ) -> AsyncIterator[pb.DownloadFileResponse]:
        """Stream the bytes of a file to whoever takes them in time."""
        reader = wire.read_reader(request.client_id, request.pool)
        name = wire.read_file_name(request.name)
        async with self._parts.book.download(reader, name) as found:
            yield pb.DownloadFileResponse(mime_type=found.mime_type, size_bytes=found.size)
            untaken = await self._give(context, found)
        if untaken is not None:
            # gRPC takes no message back, so its reader is told once it reads again, or has left.
            await untaken
            raise ReaderSilentError(self._parts.writing.listening.idle_seconds)

    async def _give(self, context: Context, found: Bytes) -> "asyncio.Task[None] | None":
        """Give the bytes to their reader; return the message that was not taken in time, if any."""
        idle = self._parts.writing.listening.idle_seconds
        async for piece in found.pieces():
            view = memoryview(piece)
            for start in range(0, len(view), _MESSAGE):
                message = write_chunk(view[start : start + _MESSAGE])
                writing = asyncio.create_task(context.write(message))
                try:
                    await asyncio.wait({writing}, timeout=idle)
                except asyncio.CancelledError:
                    writing.cancel()
                    raise
                if not writing.done():
                    return writing
                writing.result()
        return None

    async def EnsureFile(
        self, request: pb.EnsureFileRequest, context: Context
    ) -> pb.EnsureFileResponse:
        """Make a file usable in a project."""
        copy = await self._parts.ensurer.ensure(
            wire.read_reader(request.client_id, request.pool),
            wire.read_file_name(request.name),
            wire.read_project(request.project_id),
        )
        return pb.EnsureFileResponse(upstream_name=copy.name, upstream_uri=copy.uri)

    async def PutMedia(
        self, request_iterator: AsyncIterator[pb.PutMediaRequest], context: Context
    ) -> pb.PutMediaResponse:
        """Keep a generated medium."""
        async with self._parts.media.turns:
            mime_type, content = await media_wire.read_medium(aiter(request_iterator))
            media_id, ends = await self._parts.media.put(mime_type, content)
        return pb.PutMediaResponse(media_id=media_id, expire_time=media_wire.write_time(ends))

    async def GetMedia(
        self, request: pb.GetMediaRequest, context: Context
    ) -> AsyncIterator[pb.GetMediaResponse]:
        """Stream a generated medium."""
        medium, pieces = await self._parts.media.get(*media_wire.read_wish(request))
        yield media_wire.write_head(medium)
        async with aclosing(pieces):
            async for piece in pieces:
                for start in range(0, len(piece), _MESSAGE):
                    yield pb.GetMediaResponse(chunk=bytes(piece[start : start + _MESSAGE]))

    async def PutAnswer(
        self, request: pb.PutAnswerRequest, context: Context
    ) -> pb.PutAnswerResponse:
        """Keep an answer."""
        ends = await self._parts.answers.put(
            wire.read_reader(request.client_id, request.pool),
            answer_wire.read_answer_id(request.answer_id),
            answer_wire.read_content(request.content),
        )
        return pb.PutAnswerResponse(expire_time=media_wire.write_time(ends))

    async def GetAnswer(
        self, request: pb.GetAnswerRequest, context: Context
    ) -> pb.GetAnswerResponse:
        """Return an answer."""
        owner = wire.read_reader(request.client_id, request.pool)
        answer_id = answer_wire.read_answer_id(request.answer_id)
        return pb.GetAnswerResponse(content=await self._parts.answers.get(owner, answer_id))

    async def DeleteAnswer(
        self, request: pb.DeleteAnswerRequest, context: Context
    ) -> pb.DeleteAnswerResponse:
        """Forget an answer."""
        owner = wire.read_reader(request.client_id, request.pool)
        await self._parts.answers.delete(owner, answer_wire.read_answer_id(request.answer_id))
        return pb.DeleteAnswerResponse()

    async def _written(self, upload: Upload, upload_id: str) -> pb.Upload:
        record = None
        if upload.file:
            record = await self._parts.files.read(upload.order.pool, upload.file)
        if record is not None and record.client_id != upload.order.client_id:
            # It was deleted, and another client has chosen its name.
            record = None
        return wire.write_upload(upload, upload_id, record)
