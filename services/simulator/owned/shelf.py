"""Things by their names; each is seen by its project alone."""

import secrets
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from services.simulator.errors import ApiError

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Owned(Protocol):
    """Something that belongs to a project."""

    @property
    def name(self) -> str:
        """Its full name, such as `batches/abc`."""

    @property
    def project(self) -> str:
        """Whose it is."""


OwnedT = TypeVar("OwnedT", bound=Owned)


def not_found() -> ApiError:
    """There is no such thing, or it is another project's: the answer is the same."""
    return ApiError(404, "Requested entity was not found.")


def new_id(length: int = 12) -> str:
    """Return a fresh id."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Shelf(Generic[OwnedT]):
    """All things of one kind."""

    def __init__(self, missing: Callable[[], ApiError] = not_found) -> None:
        """Start empty; `missing` is what a wrong name is answered with."""
        self._things: dict[str, OwnedT] = {}
        self._missing = missing

    def put(self, thing: OwnedT) -> OwnedT:
        """Store a thing, in the place of an older one of its name."""
        self._things[thing.name] = thing
        return thing

    def get(self, name: str, project: str) -> OwnedT:
        """Return a thing of the project.

        Raises:
            ApiError: There is none.
        """
        thing = self._things.get(name)
        if thing is None or thing.project != project:
            raise self._missing()
        return thing

    def all_of(self, project: str, prefix: str = "") -> list[OwnedT]:
        """Return the things of a project whose names begin so, the newest first."""
        found = [
            thing
            for thing in self._things.values()
            if thing.project == project and thing.name.startswith(prefix)
        ]
        return found[::-1]

    def delete(self, name: str, project: str) -> None:
        """Remove a thing of the project.

        Raises:
            ApiError: There is none.
        """
        self.get(name, project)
        del self._things[name]
