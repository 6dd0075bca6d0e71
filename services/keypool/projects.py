"""Showing, changing and merging projects."""

from collections.abc import Callable
from datetime import UTC, datetime

from services.keypool.errors import FiledError, MergeRefusedError, ProjectUnknownError
from services.keypool.project_store import Declared, Merged, Origin, Project, ProjectStore
from services.keypool.store import QuotasChanged
from services.kit.logs import get_logger
from services.kit.paging import read_page_token, write_page_token
from services.kit.scrub import scrub

log = get_logger(__name__)

LONGEST_REASON = 200


def now_utc() -> datetime:
    """Return the time that audit lines are written with."""
    return datetime.now(UTC)


class Projects:
    """The projects of all pools, as operators and evidence see them."""

    def __init__(
        self,
        store: ProjectStore,
        quotas_changed: QuotasChanged,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        """Work on a store.

        Args:
            store: The projects.
            quotas_changed: Called with a pool when other limits may hold for its projects.
            now: The time of audit lines.
        """
        self._store = store
        self._quotas_changed = quotas_changed
        self._now = now

    async def get(self, pool: str, project_id: str) -> Project:
        """Return a project.

        Raises:
            ProjectUnknownError: It has no key.
        """
        found = await self._store.get_many(pool, [project_id])
        if not found:
            raise _unknown(project_id)
        return found[0]

    async def list_page(self, pool: str, size: int, page_token: str) -> tuple[list[Project], str]:
        """Return the next projects in the order of their ids, and the token of the next page."""
        position = read_page_token(page_token, 1)
        after = position[0] if position else ""
        found: list[Project] = []
        while True:
            page, after = await self._store.list_after(pool, after, size - len(found))
            found += page
            if not after:
                return found, ""
            if len(found) >= size:
                return found, write_page_token(after)

    async def change_tier(self, pool: str, project_id: str, tier: str) -> Project:
        """Change the tier of a project, empty for none, and return it.

        Raises:
            ProjectUnknownError: It has no key.
            FiledError: The quota file declares its tier.
        """
        line = self._audit(f"tier {tier}" if tier else "tier removed", "")
        declared = await self._store.change_tier(pool, project_id, tier, line)
        if declared is Declared.UNKNOWN:
            raise _unknown(project_id)
        if declared is Declared.FILED:
            raise FiledError("the quota file declares the tier: change it there")
        await self._quotas_changed(pool)
        return await self.get(pool, project_id)

    async def merge(self, pool: str, ending: str, into: str, reason: str) -> Project:
        """Make one project of two because an operator says so, and return it.

        Raises:
            ProjectUnknownError: One of them has no key.
            MergeRefusedError: They are one project.
        """
        line = self._audit(f"merged {ending}", reason or "by an operator")
        merged = await self._store.merge(
            pool, ending, into, Origin.DECLARED, line, is_evidence=False
        )
        if merged is Merged.SAME:
            raise MergeRefusedError("these are one project already")
        if merged is Merged.UNKNOWN:
            await self.get(pool, ending)
            raise _unknown(into)
        return await self.get(pool, into)

    async def merge_by_evidence(
        self, pool: str, ending: str, into: str, origin: Origin, reason: str
    ) -> bool:
        """Make one project of two because the upstream counts their keys as one.

        Projects that an operator declared do not end so.

        Returns:
            Whether they were two before and are one now.
        """
        for leaving, staying in ((ending, into), (into, ending)):
            line = self._audit(f"merged {leaving}", reason)
            merged = await self._store.merge(pool, leaving, staying, origin, line, is_evidence=True)
            if merged is Merged.MERGED:
                log.info("projects merged", ended=leaving, into=staying, reason=reason)
                return True
            if merged is not Merged.DECLARED:
                return False
        log.warning(
            "declared projects look like one at the upstream",
            first=ending,
            second=into,
            reason=reason,
        )
        return False

    def _audit(self, what: str, reason: str) -> str:
        text = scrub(f"{what}: {reason[:LONGEST_REASON]}" if reason else what)
        return f"{self._now():%Y-%m-%dT%H:%M:%SZ} {text}"


def _unknown(project_id: str) -> ProjectUnknownError:
    return ProjectUnknownError("no such project", metadata={"project_id": project_id})
