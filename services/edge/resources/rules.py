"""Every collection of Google's that belongs to a project, and how it is served."""

import re
from dataclasses import dataclass
from datetime import timedelta

import orjson

from services.edge.errors import ApiError
from services.edge.files_errors import no_such_file


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection.

    Attributes:
        name: As it stands in paths.
        listed_as: The field of a list's answer that holds the items; empty for
            collections that Google does not list.
        default_page: Items on a page when the client does not say.
        largest_page: More is cut down to it.
        is_creatable: Whether a POST to the collection makes a new member.
        kept: How long a binding is kept when the answer names no end. None: for ever,
            until the thing is deleted or found gone.
        scope: What a token must open.
        missing: Google's status and words for a name that is unknown or somebody else's.
    """

    name: str
    listed_as: str = ""
    default_page: int = 50
    largest_page: int = 100
    is_creatable: bool = False
    kept: timedelta | None = None
    scope: str = "models"
    missing: tuple[int, str] = (404, "Requested entity was not found.")


# Google keeps what it says about an operation for some weeks, stored interactions
# for 55 days; a binding must not end before.
COLLECTIONS = {
    collection.name: collection
    for collection in (
        Collection(
            "cachedContents",
            "cachedContents",
            is_creatable=True,
            kept=timedelta(days=30),
            missing=(403, "CachedContent not found (or permission denied)"),
        ),
        Collection("batches", "operations", default_page=100),
        Collection("operations", "operations", default_page=100, kept=timedelta(days=60)),
        Collection("tunedModels", "tunedModels", default_page=10, is_creatable=True),
        Collection(
            "fileSearchStores",
            "fileSearchStores",
            default_page=10,
            largest_page=20,
            is_creatable=True,
            scope="files",
        ),
        Collection(
            "corpora", "corpora", default_page=10, largest_page=20, is_creatable=True, scope="files"
        ),
        Collection("interactions", kept=timedelta(days=60)),
        Collection("auth_tokens", is_creatable=True, kept=timedelta(days=2)),
    )
}

# Not served under their own paths here, but bound: others name them.
_ELSEWHERE = {
    "files": Collection("files", kept=timedelta(days=60), scope="files"),
    "environments": Collection("environments", kept=timedelta(days=60)),
    "liveSessions": Collection(
        "liveSessions",
        missing=(404, "Session not found: its handle is unknown here, or has expired."),
    ),
}


BOUND = frozenset({*COLLECTIONS, *_ELSEWHERE, "models", "dynamic"})
"""Collections whose members belong to somebody, or that only their own routes may serve."""


_GONE = {collection.missing[1] for collection in COLLECTIONS.values()} | {
    "Tuned model does not exist."
}
_NO_METHOD = re.compile("method not found", re.IGNORECASE)


def collection_of(name: str) -> Collection:
    """Return the collection of a thing by its name, such as `models/m/operations/o`."""
    first = name.partition("/")[0]
    if first == "models":
        return COLLECTIONS["operations"]
    return COLLECTIONS.get(first) or _ELSEWHERE[first]


def missing(name: str) -> ApiError:
    """Return what Google answers for a name that is unknown, or somebody else's."""
    if name.startswith("files/"):
        return no_such_file(name)
    return ApiError(*collection_of(name).missing)


def tells_gone(status: int, body: bytes, name: str) -> bool:
    """Whether an answer says that a thing is not there: in Google's words, about this one.

    Args:
        status: Of the answer.
        body: Of the answer. Pages of proxies and methods that Google does not know
            are answered with the same status.
        name: Of the thing.
    """
    try:
        error = orjson.loads(body)["error"]
        message = error["message"]
    except (ValueError, KeyError, TypeError):
        return False
    if status not in {403, 404} or not isinstance(message, str) or _NO_METHOD.search(message):
        return False
    ids = re.split(r"[^A-Za-z0-9._~=\-]+", message.replace(". ", " ").rstrip("."))
    return message in _GONE or name.rpartition("/")[2] in ids
