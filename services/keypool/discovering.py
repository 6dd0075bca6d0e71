"""Finding out on demand which keys share a project."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field

from services.keypool.catalog import KeyRow, KeyState
from services.keypool.comparing import Comparing, Likeness
from services.keypool.errors import DiscoveryBusyError, KeyUnknownError
from services.keypool.model import VERTEX_POOL
from services.keypool.probing import KeyInHand
from services.keypool.project_store import Origin, Project, ProjectStore
from services.keypool.projects import Projects
from services.keypool.store import KeyStore
from services.kit.errors import InvalidRequestError

MOST_KEYS = 5_000
"""So many keys are examined in one go."""

MOST_DECLARED = 256
"""So many declared projects are looked at as those that a key may belong to."""

_READ_AT_ONCE = 8
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one key now.

    Attributes:
        key_id: The key.
        project_id: The project that it belongs to.
        moved: Whether it was in another one before.
        detail: For people.
        done: Keys examined so far.
        total: Keys to examine in all.
    """

    key_id: str
    project_id: str
    moved: bool
    detail: str
    done: int
    total: int


@dataclass(slots=True)
class _Group:
    """Keys that share a project, with the file by which others are recognised."""

    project_id: str
    holder: KeyInHand
    file: str
    size: int = 1


@dataclass(slots=True)
class _Round:
    pool: str
    total: int
    done: int = 0
    groups: list[_Group] = field(default_factory=list)

    def finding(self, row: KeyRow, project_id: str, detail: str, *, moved: bool) -> Finding:
        """Count a key as examined and tell of it."""
        self.done += 1
        return Finding(row.key_id, project_id, moved, detail, self.done, self.total)


class Discovering:
    """Groups keys by the projects that they have at the upstream.

    One key of each project that is known so far is examined: it tries to read one file of each
    group, and makes one itself when it can read none. So K keys in G projects cost about
    K x G free calls. Keys of declared projects are not examined, but others may join them.
    """

    def __init__(
        self, store: ProjectStore, keys: KeyStore, projects: Projects, comparing: Comparing
    ) -> None:
        """Work on projects and keys."""
        self._store = store
        self._keys = keys
        self._projects = projects
        self._comparing = comparing
        self._busy: set[str] = set()

    async def discover(
        self, pool: str, key_ids: Sequence[str], *, dry_run: bool
    ) -> AsyncGenerator[Finding, None]:
        """Examine keys and yield what is found, key by key.

        Args:
            pool: Their pool.
            key_ids: The keys, none for all whose project is not declared.
            dry_run: Whether to tell only, and to merge nothing.

        Raises:
            DiscoveryBusyError: Keys of this pool are being examined already.
            KeyUnknownError: A key is not in this pool.
            InvalidRequestError: They are too many.
        """
        if pool in self._busy:
            raise DiscoveryBusyError("keys of this pool are being examined already")
        self._busy.add(pool)
        current = _Round(pool, 0)
        try:
            declared, undeclared = await self._list_projects(pool)
            chosen = await self._choose(pool, key_ids, declared, undeclared)
            current.total = sum(len(rows) for rows in chosen.values())
            await self._open_declared(current, declared)
            for project_id, rows in chosen.items():
                async for finding in self._examine(current, project_id, rows, dry_run=dry_run):
                    yield finding
        finally:
            self._busy.discard(pool)
            await self._comparing.delete_all(
                [(group.holder, group.file) for group in current.groups]
            )

    async def _list_projects(self, pool: str) -> tuple[list[Project], list[Project]]:
        """Return the declared projects and the others."""
        declared: list[Project] = []
        undeclared: list[Project] = []
        after = ""
        while True:
            page, after = await self._store.list_after(pool, after, _PAGE)
            for project in page:
                is_declared = project.origin is Origin.DECLARED
                (declared if is_declared else undeclared).append(project)
            if not after or len(undeclared) > MOST_KEYS:
                return declared, undeclared

    async def _choose(
        self,
        pool: str,
        key_ids: Sequence[str],
        declared: Sequence[Project],
        undeclared: Sequence[Project],
    ) -> dict[str, list[KeyRow]]:
        """Return the keys to examine, by project."""
        wanted = list(key_ids) or [key_id for project in undeclared for key_id in project.key_ids]
        if len(wanted) > MOST_KEYS:
            raise InvalidRequestError("key_ids", f"at most {MOST_KEYS} keys at a time: name some")
        of_declared = {project.project_id for project in declared}
        chosen: dict[str, list[KeyRow]] = {}
        for key_id, row in zip(wanted, await self._keys.get_many(wanted), strict=True):
            if row is None or row.pool != pool:
                if key_ids:
                    raise KeyUnknownError("no such key", metadata={"key_id": key_id})
                continue
            if row.project_id in of_declared and key_ids:
                raise InvalidRequestError("key_ids", f"the project of {key_id} is declared")
            chosen.setdefault(row.project_id, []).append(row)
        return chosen

    async def _open_declared(self, current: _Round, declared: Sequence[Project]) -> None:
        for project in declared[:MOST_DECLARED]:
            key = await self._comparing.key_of(project)
            if key is not None:
                await self._open_group(current, project.project_id, key)

    async def _open_group(self, current: _Round, project_id: str, key: KeyInHand) -> str:
        """Make the file of a new group; return what went wrong, empty when nothing did."""
        answer, name = await self._comparing.make_file(key)
        if not name:
            return f"not examined: no file could be made (HTTP {answer.status or 'none'})"
        current.groups.append(_Group(project_id, key, name))
        return ""

    async def _examine(
        self, current: _Round, project_id: str, rows: Sequence[KeyRow], *, dry_run: bool
    ) -> AsyncIterator[Finding]:
        """Examine one key of a project; what is found holds for all of them."""
        key = self._comparing.first_usable(rows)
        if key is None:
            for row in rows:
                detail = f"not examined: {_state_of(row)}"
                yield current.finding(row, project_id, detail, moved=False)
            return
        group, is_sure = await self._find_group(current, key)
        moved, detail, target = False, "a project of its own", project_id
        if group is not None:
            group.size += len(rows)
            target = group.project_id
            moved, detail = await self._join(current.pool, project_id, target, dry_run=dry_run)
        elif not is_sure:
            detail = "not examined: the upstream did not say"
        else:
            detail = await self._open_group(current, project_id, key) or detail
        for row in rows:
            yield current.finding(row, target, detail, moved=moved)

    async def _join(
        self, pool: str, project_id: str, into: str, *, dry_run: bool
    ) -> tuple[bool, str]:
        if dry_run:
            return True, f"would be merged into {into}"
        reason = "a file made with one was read with the other"
        merged = await self._projects.merge_by_evidence(
            pool, project_id, into, Origin.PROBE, reason
        )
        return merged, f"merged into {into}" if merged else f"is in {into} already"

    async def _find_group(self, current: _Round, key: KeyInHand) -> tuple[_Group | None, bool]:
        """Return the group that a key belongs to, and whether it surely belongs to no other."""
        # Large groups are the likeliest.
        current.groups.sort(key=lambda group: -group.size)
        is_sure = True
        for first in range(0, len(current.groups), _READ_AT_ONCE):
            groups = current.groups[first : first + _READ_AT_ONCE]
            found = await asyncio.gather(
                *(self._comparing.reads(key, group.file) for group in groups)
            )
            for group, likeness in zip(groups, found, strict=True):
                if likeness is Likeness.SAME:
                    return group, True
                is_sure = is_sure and likeness is Likeness.OTHER
        return None, is_sure


def _state_of(row: KeyRow) -> str:
    if row.pool == VERTEX_POOL:
        return "Vertex express has no files to compare keys by"
    if row.state == KeyState.ACTIVE.value:
        return "its secret cannot be decrypted"
    return f"the key is {row.state}"
