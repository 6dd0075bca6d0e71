"""What a path names below its version: a collection, or a thing and what lies below it."""

import re
from dataclasses import dataclass

from services.edge.errors import bad_request, not_built
from services.edge.resources.names import root_of
from services.edge.resources.rules import BOUND, COLLECTIONS, Collection

_SEGMENT = re.compile(r"[A-Za-z0-9._~=\-]{1,256}")
# Where the collection can stand: below a version, or below `download` and a version.
_FIRST_SEGMENTS = 3
_VERB = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about.

    Attributes:
        collection: Its rule.
        path: Below the version, without the verb, such as `batches/b`.
        verb: Such as `cancel`; empty for none.
        root: Under which name it is bound; empty for a collection as a whole.
    """

    collection: Collection
    path: str
    verb: str
    root: str

    @property
    def is_root(self) -> bool:
        """Whether it is the bound thing itself: not a verb on it, nor what lies below it."""
        depth = self.path.count("/") - (3 if self.path.startswith("models/") else 1)
        return bool(self.root) and depth == 0 and not self.verb


def target_of(rest: str) -> Target | None:
    """Return what a path names, None for collections that nothing is known of.

    Args:
        rest: The path below its version, such as `fileSearchStores/s:importFile`.

    Raises:
        ApiError: 400 for names that cannot be one, 501 for verbs on whole collections.
    """
    path, colon, verb = rest.partition(":")
    segments = path.split("/")
    if segments[0] == "models":
        collection = COLLECTIONS["operations"] if segments[2:3] == ["operations"] else None
        is_whole = len(segments) == 3
    else:
        collection, is_whole = COLLECTIONS.get(segments[0]), len(segments) == 1
    if collection is None:
        return None
    if not all(map(_SEGMENT.fullmatch, segments)) or (colon and not _VERB.fullmatch(verb)):
        raise bad_request("The path holds a name that cannot be one.", code="invalid_name")
    if is_whole and colon:
        raise not_built(f"Verbs on all of '{segments[-1]}'")
    root = "" if is_whole else root_of(path)
    return None if root is None else Target(collection, path, verb, root)


def check_unowned(path: str) -> None:
    """Refuse paths that could reach what belongs to somebody when they are sent as they are.

    Args:
        path: Whole and raw, such as `/v1beta/agents/a`.

    Raises:
        ApiError: 400 for what the upstream could read as another path, 501 for collections
            whose members are bound.
    """
    segments = path.removeprefix("/").split("/")
    if not all(segments) or "%" in path or ";" in path:
        raise bad_request("The path holds a sequence that is not allowed.", code="invalid_path")
    for segment in segments[:_FIRST_SEGMENTS]:
        if (name := segment.partition(":")[0]) in BOUND:
            raise not_built(f"Such calls of '{name}'")
