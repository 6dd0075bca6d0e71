"""What an upload is: its state, how far it is, and what it became."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from services.files.keeping.manifest import Manifest

LARGEST_FILE = 2 * 1024**3
"""Google's limit, in bytes."""

GRANULE = 8 * 1024**2
"""The unit in which Google takes bytes, until it announces another one."""


class UploadState(Enum):
    """The states of an upload; all but ACTIVE are for good."""

    ACTIVE = "active"
    FINALIZED = "final"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """Google's answer that ended an upload, to be passed on as it is."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Session:
    """An upload session at Google; its target authorises by itself.

    Attributes:
        target: Path and query of its URL.
        proxy_url: The way out of the key that opened it, empty for none.
        granule: Every request but the last carries a multiple of this.
    """

    target: str = field(repr=False)
    proxy_url: str = field(repr=False)
    granule: int


@dataclass(frozen=True, slots=True)
class UploadOrder:
    """What a client wants to upload.

    Attributes:
        client_id: Who.
        pool: Out of which pool.
        path: The upstream path, such as `upload/v1beta/files`.
        body: The start request's body as the client sent it.
        mime_type: Declared by a header or in the body; empty when it is to be inferred.
        declared_size: Bytes, when told.
        file_names: Names of the file at the client's, for an extension.
        name: The name chosen for the file, such as `files/x`, else empty.
        parent: The resource below which the upload goes, such as `fileSearchStores/x`.
    """

    client_id: str
    pool: str
    path: str
    body: bytes = field(repr=False)
    mime_type: str = ""
    declared_size: int | None = None
    file_names: tuple[str, ...] = ()
    name: str = ""
    parent: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it is to become a file, and nothing below another resource."""
        return self.path.endswith("/files") and not self.parent


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as stored.

    Attributes:
        key: What it is stored under; tells nothing of the id.
        order: What the client wants.
        state: How it stands.
        offset: So many bytes lie at Google.
        tail: So many bytes after those lie in the store.
        expire_time: It is dropped then.
        create_time: When it was made.
        project_id: The project whose it is; empty until one is chosen.
        session: At Google, once open.
        fence: The number of the newest writer.
        is_dirty: The writer before did not end in order: only Google knows how far it came.
        hint: The first media type worth anything that came with bytes.
        answer: What ended it.
        file: Name of the file that it became.
        kept: What is kept of it: all bytes at Google; None when nothing is.
    """

    key: str
    order: UploadOrder
    state: UploadState
    offset: int
    tail: int
    expire_time: datetime
    create_time: datetime
    project_id: str = ""
    session: Session | None = None
    fence: int = 0
    is_dirty: bool = False
    hint: str = ""
    answer: Answer | None = None
    file: str = ""
    kept: Manifest | None = None

    @property
    def committed_size(self) -> int:
        """How many bytes are safe."""
        return self.offset + self.tail

    @property
    def granule(self) -> int:
        """The unit in which bytes go to Google."""
        return self.session.granule if self.session else GRANULE
