"""A file as Google describes it, and whose it is."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import orjson

from services.files.keeping.manifest import Manifest

LIFETIME = timedelta(hours=48)
"""How long Google keeps a file, when it does not say."""

SHORTEST_REST = timedelta(minutes=1)
"""A copy that ends sooner is as good as gone."""


class FileState(Enum):
    """The states of a file; a state that is not known counts as PROCESSING."""

    PROCESSING = "PROCESSING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A file in a project.

    Attributes:
        project_id: The project.
        name: Its name there.
        uri: Its address there.
        expire_time: When Google drops it.
        is_active: Whether Google has done with it.
    """

    project_id: str
    name: str
    uri: str
    expire_time: datetime
    is_active: bool = True

    def lasts(self, now: datetime) -> bool:
        """Whether a request may still cite it."""
        return self.expire_time > now + SHORTEST_REST


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file.

    Attributes:
        name: `files/<id>`.
        client_id: Who owns it.
        pool: The pool of its project.
        project_id: Where it lies.
        upstream: Google's description, a JSON object.
        create_time: When it was made.
        expire_time: When Google drops it.
        copies: Where else it lies.
        kept: Its bytes, when they are kept.
        generation: Tells files apart that bear the same name one after the other; letters and
            digits, empty for files that were recorded before there were generations.
        purpose: What its client says it is for; empty when it does not.
    """

    name: str
    client_id: str
    pool: str
    project_id: str
    upstream: bytes = field(repr=False)
    create_time: datetime
    expire_time: datetime
    copies: tuple[FileCopy, ...] = ()
    kept: Manifest | None = field(default=None, repr=False)
    generation: str = ""
    purpose: str = ""

    @property
    def description(self) -> dict[str, Any]:
        """Google's description, read."""
        described: dict[str, Any] = orjson.loads(self.upstream)
        return described

    @property
    def state(self) -> FileState:
        """How Google says it stands."""
        return state_of(self.description)

    def copy_in(self, project_id: str, now: datetime) -> FileCopy | None:
        """Return what may be cited in a project."""
        if project_id == self.project_id:
            return FileCopy(
                project_id, self.name, text_of(self.description, "uri"), self.expire_time
            )
        for copy in self.copies:
            if copy.project_id == project_id and copy.is_active and copy.lasts(now):
                return copy
        return None


def state_of(description: dict[str, Any]) -> FileState:
    """Return the state in a description."""
    try:
        return FileState(description.get("state"))
    except ValueError:
        return FileState.PROCESSING


def text_of(description: dict[str, Any], field_name: str) -> str:
    """Return a text in a description, empty when there is none."""
    value = description.get(field_name)
    return value if isinstance(value, str) else ""


def size_of(description: dict[str, Any]) -> int | None:
    """Return the size in a description, in bytes."""
    size = str(description.get("sizeBytes"))
    return int(size) if size.isascii() and size.isdigit() else None


def new_generation() -> str:
    """Return a generation that no other file has."""
    return secrets.token_hex(8)


def read_description(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a body, None when it holds none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def record_of(
    description: dict[str, Any], *, client_id: str, pool: str, project_id: str, now: datetime
) -> FileRecord | None:
    """Return the record of a file that Google describes, None when it names none."""
    name = description.get("name")
    if not isinstance(name, str) or not name.startswith("files/") or len(name) > 128:
        return None
    return FileRecord(
        name=name,
        client_id=client_id,
        pool=pool,
        project_id=project_id,
        upstream=orjson.dumps(description),
        create_time=read_time(description.get("createTime")) or now,
        expire_time=read_time(description.get("expirationTime")) or now + LIFETIME,
    )


def read_time(value: Any) -> datetime | None:
    """Return a time as JSON writes it, None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
