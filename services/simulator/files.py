"""The files of each project: their records, and who may cite them."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from services.simulator.clock import timestamp
from services.simulator.errors import ApiError, file_not_active, no_such_file

LIFETIME_SECONDS = 48 * 3600
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_CITATION = re.compile(r"(?:^|/)files/([a-z0-9-]+)/?$")
_ROOT = "https://generativelanguage.googleapis.com/v1beta"

FileState = Literal["PROCESSING", "ACTIVE", "FAILED"]


@dataclass(frozen=True, slots=True)
class File:
    """A stored file.

    Attributes:
        content: Its bytes, when it is small; large ones were hashed and let go.
        is_generated: Whether a model made it, so that it can be downloaded.
    """

    file_id: str
    project: str
    mime_type: str
    display_name: str
    size_bytes: int
    sha256: bytes
    created: float
    content: bytes = b""
    is_generated: bool = False

    @property
    def expires(self) -> float:
        """When it vanishes, in seconds since the epoch."""
        return self.created + LIFETIME_SECONDS

    def describe(self, state: FileState) -> dict[str, Any]:
        """Return the file as the API shows it."""
        described: dict[str, Any] = {"name": f"files/{self.file_id}"}
        if self.display_name:
            described["displayName"] = self.display_name
        if self.is_generated:
            described["downloadUri"] = f"{_ROOT}/files/{self.file_id}:download?alt=media"
        return described | {
            "mimeType": self.mime_type,
            "sizeBytes": str(self.size_bytes),
            "createTime": timestamp(self.created),
            "updateTime": timestamp(self.created),
            "expirationTime": timestamp(self.expires),
            "sha256Hash": base64.b64encode(self.sha256).decode(),
            "uri": f"{_ROOT}/files/{self.file_id}",
            "state": state,
            "source": "GENERATED" if self.is_generated else "UPLOADED",
        }


class FileShelf:
    """Files by id; each is seen by its project alone, for 48 hours."""

    def __init__(
        self,
        now: Callable[[], float],
        state_of: Callable[[File], FileState] = lambda _file: "ACTIVE",
    ) -> None:
        """Start empty; `now` returns seconds since the epoch, `state_of` how a file stands."""
        self._files: dict[str, File] = {}
        self._now = now
        self._state_of = state_of

    def describe(self, file: File) -> dict[str, Any]:
        """Return a file as the API shows it now."""
        return file.describe(self._state_of(file))

    def reserve(self, wanted: str) -> str:
        """Return the id for a new file: the wanted one, or a fresh one.

        Raises:
            ApiError: The wanted id is malformed or taken.
        """
        if not wanted:
            return "".join(secrets.choice(_ALPHABET) for _ in range(12))
        file_id = wanted.removeprefix("files/")
        if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", file_id):
            raise ApiError(
                400,
                "* CreateFileRequest.file.name: name must be lowercase alphanumeric with dashes, "
                "at most 40 characters, and must not begin or end with a dash\n",
            )
        if self._find(file_id):
            raise ApiError(409, f"File files/{file_id} already exists.")
        return file_id

    def put(
        self,
        file_id: str,
        *,
        project: str,
        mime_type: str,
        display_name: str,
        size_bytes: int,
        sha256: bytes,
        content: bytes = b"",
    ) -> File:
        """Store the record of a file that has arrived whole."""
        file = File(
            file_id,
            project,
            mime_type,
            display_name,
            size_bytes,
            sha256,
            created=self._now(),
            content=content,
        )
        self._files[file_id] = file
        return file

    def put_generated(self, file_id: str, project: str, content: bytes, *, mime_type: str) -> File:
        """Store a file that was not uploaded, but made."""
        file = File(
            file_id,
            project,
            mime_type,
            display_name="",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).digest(),
            created=self._now(),
            content=content,
            is_generated=True,
        )
        self._files[file_id] = file
        return file

    def get(self, file_id: str, project: str) -> File:
        """Return a file of the project.

        Raises:
            ApiError: There is none, or it is another project's; the answer is the same.
        """
        file = self._find(file_id)
        if file is None or file.project != project:
            raise no_such_file(file_id)
        return file

    def find(self, file_id: str) -> File | None:
        """Return a file whosever it is."""
        return self._find(file_id)

    def list(self, project: str) -> list[File]:
        """Return the files of a project, the newest first."""
        now = self._now()
        found = [
            file for file in self._files.values() if file.project == project and file.expires > now
        ]
        return sorted(found, key=lambda file: file.created, reverse=True)

    def delete(self, file_id: str, project: str) -> None:
        """Remove a file of the project.

        Raises:
            ApiError: As for `get`.
        """
        self.get(file_id, project)
        del self._files[file_id]

    def check_citations(self, body: bytes, request: dict[str, Any], project: str) -> None:
        """Refuse a request that cites a file which the project does not have, or not yet.

        Raises:
            ApiError: For the first such file.
        """
        # Most requests cite nothing, and walking a large one is slow.
        if b"files/" not in body and b"files\\/" not in body:
            return
        for uri in _uris(request):
            if match := _CITATION.search(uri):
                file = self.get(match[1], project)
                if self._state_of(file) != "ACTIVE":
                    raise file_not_active(file.file_id)

    def _find(self, file_id: str) -> File | None:
        file = self._files.get(file_id)
        if file is not None and file.expires <= self._now():
            del self._files[file_id]
            return None
        return file


def _uris(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"fileUri", "file_uri"} and isinstance(inner, str):
                yield inner
            else:
                yield from _uris(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _uris(inner)
