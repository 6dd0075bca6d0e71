"""Google's calls about files, without the wire."""

from collections.abc import AsyncIterator
from typing import Protocol

from services.files.leases import Lease
from services.files.sessions import Reply

GONE = frozenset({403, 404})
"""How Google answers for a file that is not there."""


class Bytes(Protocol):
    """A file's bytes as they arrive."""

    @property
    def mime_type(self) -> str:
        """The media type."""

    @property
    def size(self) -> int | None:
        """How many there are, when it is known."""

    def pieces(self) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes; raises `UnansweredError`, or a `ServiceError` of their source."""

    async def close(self) -> None:
        """Let them go."""


class FileWire(Protocol):
    """Google's calls about files. All raise `UnansweredError`."""

    async def get(self, lease: Lease, name: str) -> Reply:
        """Ask for a file's description."""

    async def delete(self, lease: Lease, name: str) -> Reply:
        """Delete a file."""

    async def download(self, lease: Lease, name: str) -> Bytes | Reply:
        """Open a file's bytes; a reply when it was refused."""
