"""Uploads in one request: a raw body, or a multipart one with a description."""

from collections.abc import AsyncIterator

import orjson

from services.edge.errors import ApiError, bad_request, body_too_large
from services.edge.files import Files
from services.edge.http import Exchange
from services.edge.keypool import Client
from services.edge.uploads.commands import read_size
from services.edge.uploads.form import read_parts
from services.edge.uploads.multipart import Part
from services.edge.uploads.starting import file_name_of
from services.edge.uploads.upload import Upload, UploadOrder, Write
from services.edge.uploads.writing import open_upload, told_type, write_body, write_pieces

_LONGEST_DESCRIPTION = 256 * 1024


class SingleUploads:
    """Takes files in one request; one that fails leaves nothing behind."""

    def __init__(self, files: Files, *, silence: float) -> None:
        """Take the service, and how many seconds a client may be silent."""
        self._files = files
        self._silence = silence

    async def raw(self, exchange: Exchange, client: Client, path: str) -> Upload:
        """Take the body as the file.

        Raises:
            ApiError: It cannot be taken.
            ClientLeftError: The client went away.
        """
        name = file_name_of(exchange)
        order = UploadOrder(
            client,
            path,
            body=orjson.dumps({"file": {"displayName": name}}) if name else b"",
            mime_type=exchange.header(b"x-goog-upload-header-content-type")
            or told_type(exchange.header(b"content-type")),
            file_name=name,
        )
        length = read_size("Content-Length", exchange.header(b"content-length"))
        async with open_upload(self._files, order) as upload_id:
            write = Write(0, length=length, finishes=True)
            return await write_body(self._files, exchange, upload_id, write, self._silence)

    async def multipart(self, exchange: Exchange, client: Client, path: str) -> Upload:
        """Take a description as JSON, then the file's bytes.

        Raises:
            ApiError: It cannot be taken.
            ClientLeftError: The client went away.
        """
        body = _MultipartBody(exchange, self._silence)
        description, media = await body.read_head()
        order = UploadOrder(
            client,
            path,
            description,
            mime_type=told_type(media.mime_type),
            file_name=media.file_name or file_name_of(exchange),
        )
        async with open_upload(self._files, order) as upload_id:
            write = Write(0, finishes=True)
            return await write_pieces(self._files, exchange, upload_id, write, body.media())


class _MultipartBody:
    """A body of two parts, as it arrives."""

    def __init__(self, exchange: Exchange, silence: float) -> None:
        self._found = read_parts(exchange, silence)

    async def read_head(self) -> tuple[bytes, Part]:
        """Return the description, and the head of the part with the file's bytes.

        Raises:
            ApiError: The body begins otherwise.
        """
        description: bytes | None = None
        async for found in self._found:
            if isinstance(found, Part):
                if description is not None or not _describes(found):
                    return description or b"", found
                description = b""
            elif description is not None:
                description += found
                if len(description) > _LONGEST_DESCRIPTION:
                    raise body_too_large(_LONGEST_DESCRIPTION)
        raise _not_two_parts()

    async def media(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes.

        Raises:
            ApiError: Another part follows, or the body is cut.
        """
        async for found in self._found:
            if isinstance(found, Part):
                raise _not_two_parts()
            yield found


def _describes(part: Part) -> bool:
    """Whether a first part is the description: in a form its name tells."""
    return part.name in {"", "metadata"}


def _not_two_parts() -> ApiError:
    return bad_request(
        "A multipart upload has two parts: the description as JSON, then the file. In a form "
        "they are the fields 'metadata' and 'file', in this order.",
        code="invalid_multipart",
    )
