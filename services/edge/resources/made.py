"""What an answer says was made, under the names by which it will be asked for."""

from datetime import UTC, datetime
from typing import Any

from services.edge.resources.citations import files_in
from services.edge.resources.names import root_of
from services.edge.resources.rules import collection_of


def names_made(answer: dict[str, Any]) -> dict[str, datetime | None]:
    """Return the names that an answer brings into the world, and when each ends.

    Args:
        answer: Of a call that makes something, or of a later look at it: operations
            and batches tell only then which files they have made.
    """
    ends = _time(answer.get("expireTime"))
    made: dict[str, datetime | None] = {}
    for name in _told(answer):
        if (root := root_of(name)) is not None:
            made[root] = ends
    for name in files_in(answer):
        made[name] = None
    now = datetime.now(UTC)
    return {name: end or _longest(name, now) for name, end in made.items()}


def interaction_made(interaction: dict[str, Any]) -> dict[str, datetime | None]:
    """Return the names that an interaction brings into the world."""
    names = [
        f"{collection}/{value}"
        for field, collection in (("id", "interactions"), ("environment_id", "environments"))
        if isinstance(value := interaction.get(field), str) and value
    ]
    now = datetime.now(UTC)
    found = (*filter(root_of, names), *files_in(interaction))
    return {name: _longest(name, now) for name in found}


def _told(answer: dict[str, Any]) -> list[str]:
    metadata = answer.get("metadata")
    tuned = metadata.get("tunedModel") if isinstance(metadata, dict) else None
    return [name for name in (answer.get("name"), tuned) if isinstance(name, str)]


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        # Google writes nanoseconds, Python reads microseconds.
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _longest(name: str, now: datetime) -> datetime | None:
    kept = collection_of(name).kept
    return now + kept if kept is not None else None
