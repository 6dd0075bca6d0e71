"""The file of a form of OpenAI's, passed on to the files service while it arrives."""

from collections.abc import AsyncIterator

import orjson

from services.edge.dialects import Dialect
from services.edge.envelopes import render_upstream
from services.edge.errors import ApiError
from services.edge.files import Files
from services.edge.http import Exchange
from services.edge.keypool import Client
from services.edge.refusals import FailedError
from services.edge.uploads.upload import Upload, UploadOrder, UploadState, Write
from services.edge.uploads.writing import open_upload, write_pieces

_PATH = "upload/v1beta/files"


async def upload_file(
    files: Files,
    exchange: Exchange,
    client: Client,
    pieces: AsyncIterator[bytes],
    *,
    file_name: str,
    mime_type: str,
) -> str:
    """Upload a file and return its name; one that fails leaves nothing behind.

    Args:
        files: The service.
        exchange: The request.
        client: Whose file it is to be.
        pieces: Its bytes. What they raise gives the upload up.
        file_name: At the client's; may be empty.
        mime_type: Empty when it is to be inferred.

    Raises:
        FailedError: Google refuses it.
        ApiError: It cannot be taken now.
        ClientLeftError: The client went away.
    """
    order = UploadOrder(
        client,
        _PATH,
        body=orjson.dumps({"file": {"displayName": file_name}}) if file_name else b"",
        mime_type=mime_type,
        file_name=file_name,
    )
    async with open_upload(files, order) as upload_id:
        write = Write(0, finishes=True)
        upload = await write_pieces(files, exchange, upload_id, write, pieces)
    return _made(upload)


def _made(upload: Upload) -> str:
    if upload.state is UploadState.FAILED:
        status = upload.status if 400 <= upload.status <= 599 else 502
        head, body = render_upstream(status, upload.content_type, upload.body, Dialect.OPENAI)
        raise FailedError(status, head, body)
    try:
        return str(orjson.loads(upload.body)["file"]["name"])
    except (ValueError, KeyError, TypeError):
        raise ApiError(502, "The upstream named no file.", code="bad_upstream") from None
