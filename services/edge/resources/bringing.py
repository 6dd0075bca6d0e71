"""Bringing the files of one request together in a project that can serve it."""

from collections.abc import AsyncGenerator, Collection
from dataclasses import replace
from functools import partial
from typing import Protocol

from prometheus_client import Counter

from services.edge.calls import Call
from services.edge.concurrently import concurrently
from services.edge.errors import ApiError, files_away, resources_split
from services.edge.leasing.lease import RefusedError
from services.edge.resources.citations import rename
from services.edge.resources.copies import NotStoredError, Whereabouts
from services.edge.resources.names import Binding
from services.edge.resources.renaming import Renaming

_BROUGHT = Counter(
    "edge_requests_brought_total", "Requests sent to another project than their files' own."
)
_AT_ONCE = 8


class Places(Protocol):
    """Where files lie; see `Copies`."""

    async def locate(self, pool: str, file: Binding) -> Whereabouts:
        """Return where a file lies."""

    async def ensure(self, pool: str, file: Binding, project_id: str) -> str:
        """Return its name in a project, once it lies there; NotStoredError if it cannot."""


class Bringing:
    """Offers calls that cite the same files in other projects."""

    def __init__(self, places: Places | None) -> None:
        """Take the files service, None when there is none."""
        self._places = places

    async def elsewhere(
        self, call: Call, refusal: RefusedError, shunned: Collection[str]
    ) -> AsyncGenerator[tuple[Call, Renaming], None]:
        """Yield the call as it can be sent to other projects, the cheapest first.

        Args:
            call: In the client's own words.
            refusal: Why it cannot be served where its things lie.
            shunned: Projects that are not to be tried.

        Raises:
            ApiError: It cites things that lie apart and cannot be brought together.
        """
        is_split = refusal.reason == "RESOURCES_SPLIT"
        fixed = {binding.project_id for binding in call.cited if not binding.is_file}
        if len(fixed) > 1 or (fixed and not is_split):
            if is_split:
                raise resources_split()
            return
        files = [binding for binding in call.cited if binding.is_file]
        try:
            known = await self._locate(call.need.pool, files)
        except ApiError:
            if is_split:
                raise
            return
        left_out = {*shunned, *(set() if is_split else {call.need.project})}
        problem = resources_split()
        for project in _candidates(known, fixed, refusal.target_project_id):
            if project in left_out:
                continue
            try:
                names = await self._names_in(project, call.need.pool, known)
            except NotStoredError:
                continue
            except ApiError as error:
                problem = error
                continue
            _BROUGHT.inc()
            is_split = False
            yield _moved(call, names, project)
        if is_split:
            raise problem

    async def _locate(self, pool: str, files: list[Binding]) -> dict[Binding, Whereabouts]:
        if self._places is None:
            raise files_away()
        jobs = [partial(self._places.locate, pool, file) for file in files]
        return dict(zip(files, await concurrently(_AT_ONCE, jobs), strict=True))

    async def _names_in(
        self, project: str, pool: str, known: dict[Binding, Whereabouts]
    ) -> dict[str, str]:
        """Return the name of each file in a project, bringing there what is missing."""
        assert self._places is not None
        absent = [file for file, where in known.items() if project not in where.names]
        if not all(known[file].is_stored for file in absent):
            raise NotStoredError
        jobs = [partial(self._places.ensure, pool, file, project) for file in absent]
        brought = zip(absent, await concurrently(_AT_ONCE, jobs), strict=True)
        names = {file.name: copy for file, copy in brought}
        return {
            file.name: where.names[project]
            for file, where in known.items()
            if project in where.names
        } | names


def _candidates(
    known: dict[Binding, Whereabouts], fixed: Collection[str], target: str
) -> list[str]:
    if fixed:
        return list(fixed)
    projects = dict.fromkeys(project for where in known.values() for project in where.names)
    complete = [
        project for project in projects if all(project in where.names for where in known.values())
    ]
    return complete if target in complete or not target else [*complete, target]


def _moved(call: Call, names: dict[str, str], project: str) -> tuple[Call, Renaming]:
    need = replace(call.need, project=project, resources=())
    return replace(call, body=rename(call.body, names), need=need), Renaming(names)
