"""The messages of streams of bytes, which are not copied on their way."""

from collections.abc import AsyncIterator

from gemini_balance.files.v1 import files_pb2 as pb

from services.files.write_order import Finish
from services.kit.bytes_field import read_bytes_field, write_bytes_field
from services.kit.errors import InvalidRequestError

Message = pb.WriteUploadRequest | memoryview
"""A chunk's bytes, or any other message."""


def read_message(wire: bytes) -> Message:
    """Return a message; of a chunk its bytes where they are."""
    chunk = read_bytes_field(pb.WriteUploadRequest.CHUNK_FIELD_NUMBER, wire)
    return pb.WriteUploadRequest.FromString(wire) if chunk is None else chunk


def write_chunk(chunk: memoryview) -> bytes:
    """Return the wire form of a message of a download with these bytes."""
    return write_bytes_field(pb.DownloadFileResponse.CHUNK_FIELD_NUMBER, [chunk])


def write_message(message: pb.DownloadFileResponse | bytes) -> bytes:
    """Return the wire form of a message of a download, which chunks have already."""
    return message if isinstance(message, bytes) else message.SerializeToString()


async def read_frames(messages: AsyncIterator[Message]) -> AsyncIterator[memoryview | Finish]:
    """Yield what follows the first message."""
    async for message in messages:
        if isinstance(message, memoryview):
            yield message
            continue
        match message.WhichOneof("frame"):
            case "chunk":
                yield memoryview(message.chunk)
            case "finish":
                yield Finish()
                return
            case _:
                raise InvalidRequestError("frame", "must be a chunk or the finish")
