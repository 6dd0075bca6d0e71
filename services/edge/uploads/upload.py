"""What an upload is to the edge."""

from dataclasses import dataclass, field
from enum import Enum

from services.edge.keypool import Client


class UploadState(Enum):
    """The states of an upload, as `X-Goog-Upload-Status` tells them."""

    ACTIVE = "active"
    FINALIZED = "final"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it stands.

    Attributes:
        upload_id: Whoever knows it may write.
        state: FAILED is Google's own refusal, for good.
        committed_size: How many bytes are safe.
        granularity: The best chunks are multiples of this.
        status: The HTTP status of Google's last answer, once there is one.
        content_type: Of that answer.
        body: That answer.
    """

    upload_id: str = field(repr=False)
    state: UploadState
    committed_size: int
    granularity: int
    status: int
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UploadOrder:
    """What a client wants to upload.

    Attributes:
        client: Who.
        path: The upstream path, such as `upload/v1beta/files`.
        body: The JSON that describes the file; may be empty.
        mime_type: Declared; empty when it is to be inferred.
        size: Declared, in bytes.
        file_name: At the client's, for its extension.
    """

    client: Client
    path: str
    body: bytes = field(repr=False)
    mime_type: str = ""
    size: int | None = None
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """What a client is about to write to an upload.

    Attributes:
        offset: Where its bytes belong.
        mime_type: Of the request that brings them.
        length: How many they are, when known.
        finishes: Whether the upload is complete with them.
    """

    offset: int
    mime_type: str = ""
    length: int | None = None
    finishes: bool = False
