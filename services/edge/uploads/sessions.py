"""Requests to the address of an upload: chunks, and questions about it."""

from services.edge.errors import bad_request
from services.edge.files import Files
from services.edge.files_errors import UploadError
from services.edge.http import Exchange
from services.edge.uploads.answers import tell_legacy, tell_upload
from services.edge.uploads.commands import Command, read_command, read_offset, read_size
from services.edge.uploads.content_range import read_content_range
from services.edge.uploads.upload import Upload, UploadState, Write
from services.edge.uploads.writing import check_encoding, write_body


class Sessions:
    """Goes on with uploads; whoever knows an upload's id may."""

    def __init__(self, files: Files, *, silence: float) -> None:
        """Take the service, and how many seconds a client may be silent."""
        self._files = files
        self._silence = silence

    async def serve(self, exchange: Exchange, upload_id: str) -> None:
        """Serve a request to the address of an upload.

        Raises:
            ApiError: It cannot be served.
            ClientLeftError: The client went away.
        """
        check_encoding(exchange)
        match read_command(exchange.header(b"x-goog-upload-command")):
            case None:
                await tell_legacy(exchange, await self._legacy(exchange, upload_id))
            case Command.QUERY:
                await tell_upload(exchange, await self._query(upload_id))
            case Command.CANCEL:
                await tell_upload(exchange, await self._files.cancel_upload(upload_id))
            case Command.FINALIZE:
                await tell_upload(exchange, await self._finalize(exchange, upload_id))
            case Command.START:
                raise bad_request(
                    "The upload has been started already.", code="invalid_upload_command"
                )
            case command:
                offset = read_offset(exchange.header(b"x-goog-upload-offset"))
                write = _announced(exchange, offset, finishes=command.finishes)
                await tell_upload(exchange, await self._write(exchange, upload_id, write))

    async def _query(self, upload_id: str, *, cancelled: int = 410) -> Upload:
        """Return how an upload stands, or raise ApiError for one that was given up."""
        upload = await self._files.get_upload(upload_id)
        if upload.state is UploadState.CANCELLED:
            raise UploadError(
                cancelled,
                "The upload has been cancelled.",
                code="upload_cancelled",
                upload_status="cancelled",
            )
        return upload

    async def _finalize(self, exchange: Exchange, upload_id: str) -> Upload:
        """Complete an upload with the bytes that it has."""
        upload = await self._query(upload_id, cancelled=400)
        offset = read_size("X-Goog-Upload-Offset", exchange.header(b"x-goog-upload-offset"))
        if upload.state is not UploadState.ACTIVE:
            return upload
        at = upload.committed_size if offset is None else offset
        return await self._write(exchange, upload_id, Write(at, length=0, finishes=True))

    async def _legacy(self, exchange: Exchange, upload_id: str) -> Upload:
        """Serve a client that places its chunks by `Content-Range`, or sends all at once."""
        header = exchange.header(b"content-range")
        if not header and exchange.method != "PUT":
            raise bad_request("X-Goog-Upload-Command is missing.", code="invalid_upload_command")
        if not header:
            write = _announced(exchange, 0, finishes=True)
            return await self._write(exchange, upload_id, write)
        place = read_content_range(header)
        if not place.is_query:
            write = Write(
                place.offset,
                mime_type=exchange.header(b"content-type"),
                length=place.length,
                finishes=place.finishes,
            )
            return await self._write(exchange, upload_id, write)
        upload = await self._query(upload_id)
        if upload.state is UploadState.ACTIVE and place.whole == upload.committed_size:
            # All bytes are here, and no chunk has said that it was the last.
            write = Write(upload.committed_size, length=0, finishes=True)
            return await self._write(exchange, upload_id, write)
        return upload

    async def _write(self, exchange: Exchange, upload_id: str, write: Write) -> Upload:
        return await write_body(self._files, exchange, upload_id, write, self._silence)


def _announced(exchange: Exchange, offset: int, *, finishes: bool) -> Write:
    return Write(
        offset,
        mime_type=exchange.header(b"content-type"),
        length=read_size("Content-Length", exchange.header(b"content-length")),
        finishes=finishes,
    )
