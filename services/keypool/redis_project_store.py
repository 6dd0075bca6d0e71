"""Projects in Redis; the rules of the atomic steps are in the scripts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from services.keypool.project_store import SHOWN_KEYS, Declared, Merged, Origin, Project
from services.keypool.redis_keys import pool_prefix
from services.keypool.redis_lease_rows import SLACK, write_calendar
from services.keypool.redis_scripts import (
    PROJECTS,
    Call,
    RedisPort,
    load_script,
    maybe_from_ms,
    texts,
    to_ms,
)

_LIST = load_script(*PROJECTS, "list_projects")
_READ = load_script(*PROJECTS, "read_project")
_CHANGE = load_script(*PROJECTS, "change_project")
_MERGE = load_script(
    *PROJECTS,
    "models",
    "pace",
    "quota",
    "states",
    "charges",
    "corrections",
    "limits",
    "merge_states",
    "merge_projects",
)
_NUMBER = load_script(*PROJECTS, "tell_number")
_REFUSAL = load_script(*PROJECTS, "note_refusal")

_OWN = "own-"
_KEYS_A_STEP = 200
_READ_AT_ONCE = 50


class RedisProjectStore:
    """See `ProjectStore`."""

    def __init__(self, port: RedisPort, *, slack: timedelta = SLACK) -> None:
        """Work over a port.

        Args:
            port: The way to Redis.
            slack: By how much longer a minute counts here than at Google.
        """
        self._port = port
        self._slack = slack

    async def list_after(self, pool: str, project_id: str, limit: int) -> tuple[list[Project], str]:
        """See `ProjectStore.list_after`."""
        arguments = (f"({project_id}" if project_id else "-", _from_key(project_id), limit)
        [[listed, owned, last_key]] = await self._port.run(
            Call(_LIST, pool_prefix(pool), arguments)
        )
        names = sorted({*texts(listed), *texts(owned)})
        # What stands behind the end of either list may have others before it.
        ends = [listed[-1].decode()] if len(listed) == limit else []
        ends += [_OWN + last_key.decode()] if last_key else []
        if ends:
            names = [name for name in names if name <= min(ends)]
        page = names[:limit]
        after = page[-1] if len(names) > limit else min(ends, default="")
        return await self.get_many(pool, page), after

    async def get_many(self, pool: str, project_ids: Sequence[str]) -> list[Project]:
        """See `ProjectStore.get_many`."""
        found: list[Project] = []
        for first in range(0, len(project_ids), _READ_AT_ONCE):
            names = project_ids[first : first + _READ_AT_ONCE]
            [rows] = await self._port.run(Call(_READ, pool_prefix(pool), (SHOWN_KEYS, *names)))
            found += [_read_project(pool, row) for row in rows if row]
        return found

    async def change_tier(self, pool: str, project_id: str, tier: str, audit: str) -> Declared:
        """See `ProjectStore.change_tier`."""
        arguments = (project_id, tier, audit)
        [reply] = await self._port.run(Call(_CHANGE, pool_prefix(pool), arguments))
        return Declared(reply.decode())

    async def merge(
        self, pool: str, ending: str, into: str, origin: Origin, audit: str, *, is_evidence: bool
    ) -> Merged:
        """See `ProjectStore.merge`."""
        calendar = write_calendar(datetime.now(UTC), self._slack)
        arguments = (ending, into, origin.value, audit, int(is_evidence), _KEYS_A_STEP, calendar)
        while True:
            [reply] = await self._port.run(Call(_MERGE, pool_prefix(pool), arguments))
            if reply != b"more":
                return Merged(reply.decode())

    async def tell_number(self, pool: str, key_id: str, digest: str) -> tuple[str, str] | None:
        """See `ProjectStore.tell_number`."""
        [reply] = await self._port.run(Call(_NUMBER, pool_prefix(pool), (key_id, digest)))
        return (reply[0].decode(), reply[1].decode()) if reply else None

    async def note_refusal(
        self,
        pool: str,
        project_id: str,
        model: str,
        *,
        near: timedelta,
        apart: timedelta,
        enough: int,
        pause: timedelta,
    ) -> tuple[str, list[str]]:
        """See `ProjectStore.note_refusal`."""
        arguments = (project_id, model, to_ms(near), to_ms(apart), enough, to_ms(pause))
        [told] = await self._port.run(Call(_REFUSAL, pool_prefix(pool), arguments))
        project, *others = texts(told)
        return project, others


def _from_key(project_id: str) -> str:
    """Return where the single keys' own projects begin after an id, empty when all come before."""
    if project_id.startswith(_OWN):
        return f"({project_id.removeprefix(_OWN)}"
    return "-" if project_id < _OWN else ""


def _read_project(pool: str, row: Sequence[Any]) -> Project:
    project_id, keys, origin, pairs = row
    fields = dict(zip(texts(pairs[::2]), pairs[1::2], strict=True))
    return Project(
        project_id=project_id.decode(),
        pool=pool,
        origin=Origin(origin.decode()),
        key_ids=tuple(sorted(texts(keys))[:SHOWN_KEYS]),
        tier=fields.get("tier", b"").decode(),
        cool_until=maybe_from_ms(fields.get("cool_until")),
        audit=tuple(orjson.loads(fields.get("audit", b"[]"))),
    )
