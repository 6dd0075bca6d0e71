"""A file as Google describes it, and whose it is."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import orjson

LIFETIME = timedelta(hours=48)
"""How long Google keeps a file, when it does not say."""


class FileState(Enum):
    """The states of a file; a state that is not known counts as PROCESSING."""

    PROCESSING = "PROCESSING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A file in another project than its own."""

    project_id: str
    name: str
    uri: str
    expire_time: datetime


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
        stored: Whether its bytes are kept.
    """

    name: str
    client_id: str
    pool: str
    project_id: str
    upstream: bytes = field(repr=False)
    create_time: datetime
    expire_time: datetime
    copies: tuple[FileCopy, ...] = ()
    stored: bool = False

    @property
    def description(self) -> dict[str, Any]:
        """Google's description, read."""
        described: dict[str, Any] = orjson.loads(self.upstream)
        return described

    @property
    def state(self) -> FileState:
        """How Google says it stands."""
        return state_of(self.description)


def state_of(description: dict[str, Any]) -> FileState:
    """Return the state in a description."""
    try:
        return FileState(description.get("state"))
    except ValueError:
        return FileState.PROCESSING


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
