"""The bytes of a request on their way to the files service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from services.edge.errors import ApiError, bad_request, files_away
from services.edge.files import Files
from services.edge.http import Exchange
from services.edge.upload_writer import UploadWriter
from services.edge.uploads.frames import Frames
from services.edge.uploads.upload import Upload, UploadOrder, UploadState, Write

# What programs send when they were told nothing.
_NO_TYPE = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded"})


def told_type(mime_type: str) -> str:
    """Return a media type if it tells something, else an empty text."""
    return "" if mime_type.partition(";")[0].strip().lower() in _NO_TYPE else mime_type


@contextlib.asynccontextmanager
async def open_upload(files: Files, order: UploadOrder) -> AsyncIterator[str]:
    """Open an upload, and give it up when the block fails: nobody else knows of it."""
    upload = await files.create_upload(order)
    try:
        yield upload.upload_id
    except BaseException:
        giving_up = asyncio.create_task(_give_up(files, upload.upload_id))
        await asyncio.shield(giving_up)
        raise


def check_encoding(exchange: Exchange) -> None:
    """Refuse a body that is not the file's own bytes.

    Raises:
        ApiError: 415.
    """
    encoding = exchange.header(b"content-encoding").strip().lower()
    if encoding not in {"", "identity"}:
        raise ApiError(
            415,
            f"Content-Encoding '{encoding[:40]}' is not accepted: send the file's own bytes.",
            code="unsupported_encoding",
        )


async def write_body(
    files: Files, exchange: Exchange, upload_id: str, write: Write, silence: float
) -> Upload:
    """Write the body of a request to an upload, and return how the upload stands then.

    Args:
        files: The service.
        exchange: The request.
        upload_id: The upload.
        write: What the client has announced.
        silence: How many seconds the client may be silent.

    Raises:
        ApiError: The service refused, or the body is not what was announced.
        ClientLeftError: The client went away; what is safe by then stays.
    """
    pieces = _announced(exchange, write, silence)
    upload = await write_pieces(files, exchange, upload_id, write, pieces)
    if (
        upload.state is UploadState.ACTIVE
        and upload.committed_size < write.offset + exchange.body_bytes
    ):
        # Told as success, the client would never send those bytes again.
        raise files_away()
    return upload


async def write_pieces(
    files: Files, exchange: Exchange, upload_id: str, write: Write, pieces: AsyncIterator[bytes]
) -> Upload:
    """Write pieces of a request's body; as `write_body`, but for what the client announced."""
    async with files.write(upload_id, write) as writer:
        going = await _send(writer, pieces)
        upload = await writer.finish(complete=going and write.finishes)
    if not going:
        await exchange.drain()
    if write.finishes and upload.state is UploadState.ACTIVE:
        raise files_away()
    return upload


async def _give_up(files: Files, upload_id: str) -> None:
    # If the service is away too, the upload is dropped in its time.
    with contextlib.suppress(ApiError):
        await files.cancel_upload(upload_id)


async def _send(writer: UploadWriter, pieces: AsyncIterator[bytes]) -> bool:
    """Send pieces in frames of one size; False when the service has answered before the end."""
    frames = Frames()
    async for piece in pieces:
        for frame in frames.feed(piece):
            if not await writer.send(frame):
                return False
    rest = frames.rest()
    return not rest or await writer.send(rest)


async def _announced(exchange: Exchange, write: Write, silence: float) -> AsyncIterator[bytes]:
    """Yield the body, which must be as long as the client has announced."""
    while (piece := await exchange.read_piece(silence)) is not None:
        if write.length is not None and exchange.body_bytes > write.length:
            raise _other_length(write.length)
        yield piece
    if write.length is not None and exchange.body_bytes != write.length:
        raise _other_length(write.length)


def _other_length(announced: int) -> ApiError:
    return bad_request(
        f"The body does not have the {announced} bytes that were announced.",
        code="invalid_upload_length",
    )
