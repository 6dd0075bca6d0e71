"""Checks of what callers send: each failure names the field and the problem."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.keypool import names
from services.keypool.model import DEFAULT_POOL
from services.kit.credentials import caller
from services.kit.errors import InvalidRequestError

NAME_RULE = "must be at most 128 of the characters A-Z a-z 0-9 . _ -"
SECRET_RULE = "must be 8 to 512 printable ASCII characters without spaces"  # noqa: S105
LONGEST_PAGE = 1_000
_DEFAULT_PAGE = 100


def check(field: str, problem: str, *, ok: bool) -> None:
    """Raise `InvalidRequestError` unless `ok`."""
    if not ok:
        raise InvalidRequestError(field, problem)


def read_pool(text: str) -> str:
    """Return a pool's name, the default one for an empty text."""
    pool = text or DEFAULT_POOL
    check("pool", NAME_RULE, ok=names.is_pool(pool))
    return pool


def read_model(text: str, field: str = "model") -> str:
    """Return a model's name, which may be empty."""
    check(field, NAME_RULE, ok=names.is_model(text))
    return text


def read_id(text: str, field: str) -> str:
    """Return the id of a project, key or token."""
    check(field, f"must not be empty and {NAME_RULE}", ok=names.is_project_id(text))
    return text


def read_ids(values: Iterable[str], field: str, most: int) -> tuple[str, ...]:
    """Return ids without repetition."""
    found = tuple(dict.fromkeys(values))
    check(field, f"must be at most {most}", ok=len(found) <= most)
    for position, value in enumerate(found):
        read_id(value, f"{field}[{position}]")
    return found


def read_resources(values: Iterable[str], field: str, most: int) -> tuple[str, ...]:
    """Return names of resources without repetition."""
    found = tuple(dict.fromkeys(values))
    check(field, f"must be at most {most}", ok=len(found) <= most)
    for position, value in enumerate(found):
        read_resource(value, f"{field}[{position}]")
    return found


def read_resource(text: str, field: str) -> str:
    """Return the name of a resource."""
    rule = "must be 1 to 512 printable ASCII characters without spaces"
    check(field, rule, ok=names.is_resource(text))
    return text


def read_client(claimed: str, field: str = "client_id") -> str:
    """Return the client that the caller acts for."""
    client = caller.get().client_id(claimed)
    if client == claimed:
        rule = "must be at most 128 of the characters A-Z a-z 0-9 . _ - @ :"
        check(field, rule, ok=names.is_client_id(client))
        return client
    return names.as_client_id(client)


def read_acting_client(text: str, field: str) -> str:
    """Return the client on whose behalf something was done, empty when that is not told."""
    return read_client(text, field) if text and "act-as" in caller.get().scopes else ""


def only_own() -> str | None:
    """Return the client whose resources alone the caller may see, None for all."""
    current = caller.get()
    return None if "act-as" in current.scopes else names.as_client_id(current.name)


def read_text(text: str, field: str, longest: int) -> str:
    """Return a text for people."""
    check(field, f"must be at most {longest} characters", ok=len(text) <= longest)
    return text


def read_tags(values: Iterable[str], field: str = "tags") -> tuple[str, ...]:
    """Return tags without repetition."""
    found = tuple(dict.fromkeys(values))
    check(field, "must be at most 32", ok=len(found) <= 32)
    for position, value in enumerate(found):
        check(f"{field}[{position}]", "must be 1 to 64 characters", ok=1 <= len(value) <= 64)
    return found


def read_page_size(size: int) -> int:
    """Return a page size: the default for 0, the most for more than that."""
    check("page_size", "must not be negative", ok=size >= 0)
    return min(size or _DEFAULT_PAGE, LONGEST_PAGE)


def read_duration(message: Duration, field: str, *, least: timedelta, most: timedelta) -> timedelta:
    """Return a duration within bounds."""
    try:
        value = message.ToTimedelta()
    except (ValueError, OverflowError):
        raise InvalidRequestError(field, "is not a duration") from None
    seconds = f"{least.total_seconds():g} to {most.total_seconds():g} s"
    check(field, f"must be {seconds}", ok=least <= value <= most)
    return value


def read_time(message: Timestamp, field: str) -> datetime:
    """Return a time."""
    try:
        return message.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequestError(field, "is not a time") from None
