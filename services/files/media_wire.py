"""The contract of media on the wire."""

import re
from collections.abc import AsyncIterator
from datetime import datetime

from gemini_balance.files.v1 import files_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from services.files.errors import MediumTooLargeError
from services.files.media import LARGEST_MEDIUM, Medium
from services.files.start_body import check_mime_type
from services.kit.errors import InvalidRequestError

_ID = re.compile(r"[A-Za-z0-9_\-]{22}")
_LARGEST_FRAME = 1024 * 1024


async def read_medium(requests: AsyncIterator[pb.PutMediaRequest]) -> tuple[str, bytes]:
    """Return the type and the bytes of a medium that is put.

    Raises:
        InvalidRequestError: The frames are not what they must be.
        MediumTooLargeError: It is too long.
    """
    first = await anext(requests, None)
    if first is None or first.WhichOneof("frame") != "head":
        raise InvalidRequestError("head", "must come first")
    check_mime_type(first.head.mime_type, "head.mime_type")
    size = first.head.size_bytes
    if size <= 0:
        raise InvalidRequestError("head.size_bytes", "must be positive")
    if size > LARGEST_MEDIUM:
        raise MediumTooLargeError(LARGEST_MEDIUM)
    content = bytearray()
    async for request in requests:
        if request.WhichOneof("frame") != "chunk" or len(request.chunk) > _LARGEST_FRAME:
            raise InvalidRequestError("chunk", "must have at most 1 MiB")
        content += request.chunk
        if len(content) > size:
            break
    if len(content) != size:
        raise InvalidRequestError("head.size_bytes", "must be the number of bytes that follow")
    return first.head.mime_type, bytes(content)


def read_wish(request: pb.GetMediaRequest) -> tuple[str, int, int | None]:
    """Return which medium is wanted, from which byte on, and how much of it.

    Raises:
        InvalidRequestError: That cannot be.
    """
    if not _ID.fullmatch(request.media_id):
        raise InvalidRequestError("media_id", "must be an id that PutMedia has told")
    limit = request.read_limit if request.HasField("read_limit") else None
    if not 0 <= request.read_offset <= LARGEST_MEDIUM:
        raise InvalidRequestError("read_offset", "must lie within the medium")
    if limit is not None and limit < 0:
        raise InvalidRequestError("read_limit", "must not be negative")
    return request.media_id, request.read_offset, limit


def write_head(medium: Medium) -> pb.GetMediaResponse:
    """Return the first message about a medium."""
    head = pb.GetMediaResponse.Head(
        mime_type=medium.mime_type,
        size_bytes=medium.size,
        expire_time=write_time(medium.expire_time),
    )
    return pb.GetMediaResponse(head=head)


def write_time(time: datetime) -> Timestamp:
    """Return a time of the contract."""
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp
