"""A file as the files service knows it."""

from dataclasses import dataclass, field
from enum import Enum

from gemini_balance.files.v1 import files_pb2 as pb


class FileState(Enum):
    """How a file stands at Google."""

    PROCESSING = "processing"
    ACTIVE = "active"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file.

    Attributes:
        name: `files/<id>`.
        display_name: For people; may be empty.
        mime_type: Its media type.
        uri: What requests cite.
        size: In bytes.
        state: How it stands.
        created: Unix time in seconds.
        expires: The same.
        purpose: What its client says it is for; empty when it does not.
        described: Google's description, as JSON.
    """

    name: str
    display_name: str
    mime_type: str
    uri: str
    size: int
    state: FileState
    created: int
    expires: int
    purpose: str
    described: bytes = field(repr=False)


_STATES = {
    pb.File.STATE_ACTIVE: FileState.ACTIVE,
    pb.File.STATE_FAILED: FileState.FAILED,
}


def read_file(message: pb.File) -> StoredFile:
    """Return a file of the contract."""
    return StoredFile(
        name=message.name,
        display_name=message.display_name,
        mime_type=message.mime_type,
        uri=message.uri,
        size=message.size_bytes,
        state=_STATES.get(message.state, FileState.PROCESSING),
        created=message.create_time.ToSeconds(),
        expires=message.expire_time.ToSeconds(),
        purpose=message.purpose,
        described=bytes(message.upstream_json),
    )
