"""The ports for projects and declared limits. Failures are as in `store`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

SHOWN_KEYS = 1_000
"""So many keys of a project are told."""


class Origin(Enum):
    """How it became known that the keys of a project belong together."""

    DECLARED = "declared"
    OWN = "own"
    NUMBER = "number"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Project:
    """The unit to which the upstream counts quota.

    Attributes:
        project_id: Its id.
        pool: Its pool.
        origin: How its keys came together.
        key_ids: Its keys, at most `SHOWN_KEYS`, in order.
        tier: The tier whose limits apply, empty for none.
        cool_until: Until when all its models cool down, if they do.
        audit: What was done to it, oldest first.
    """

    project_id: str
    pool: str
    origin: Origin
    key_ids: tuple[str, ...]
    tier: str = ""
    cool_until: datetime | None = None
    audit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Declared limits; None where nothing is declared, 0 where nothing is offered."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None


@dataclass(frozen=True, slots=True)
class QuotaScope:
    """What limits hold for: a tier or a project, and models.

    Attributes:
        kind: `t` for a tier, `p` for a project.
        name: The tier or the project.
        model: The model, where `*` stands for any text.
    """

    kind: str
    name: str
    model: str

    @property
    def field(self) -> str:
        """Its name in the store."""
        return f"{self.kind}/{self.name}/{self.model}"


class Merged(Enum):
    """What became of a merge; the values are the store's words."""

    MERGED = "merged"
    SAME = "same"
    UNKNOWN = "unknown"
    DECLARED = "declared"


class Declared(Enum):
    """What became of something declared; the values are the store's words."""

    CHANGED = "changed"
    UNKNOWN = "unknown"
    FILED = "filed"


@dataclass(frozen=True, slots=True)
class Filed:
    """What the quota file declares.

    Attributes:
        quotas: Limits.
        tiers: Project to tier.
        keys: Key to project.
    """

    quotas: Mapping[QuotaScope, Limits]
    tiers: Mapping[str, str]
    keys: Mapping[str, str]


class ProjectStore(Protocol):
    """Projects and which keys they have."""

    async def list_after(self, pool: str, project_id: str, limit: int) -> tuple[list[Project], str]:
        """Return the next projects after an id in the order of ids, and where to go on.

        The page may be short, or even empty, before the end; the place to go on is empty there.
        """
        ...

    async def get_many(self, pool: str, project_ids: Sequence[str]) -> list[Project]:
        """Return those of some projects that have keys, in order."""
        ...

    async def change_tier(self, pool: str, project_id: str, tier: str, audit: str) -> Declared:
        """Change the tier of a project, empty for none, and add an audit line."""
        ...

    async def merge(
        self, pool: str, ending: str, into: str, origin: Origin, audit: str, *, is_evidence: bool
    ) -> Merged:
        """Make one project of two.

        Leases and bindings of the one that ends count for the other from then on. A merge
        that was cut short goes on when it is asked for again.

        Args:
            pool: Their pool.
            ending: The project that ends.
            into: The project that goes on.
            origin: How it became known; what is declared stays declared.
            audit: What is written down at the project that goes on.
            is_evidence: Whether nobody declared it; then no declared project ends.
        """
        ...

    async def tell_number(self, pool: str, key_id: str, digest: str) -> tuple[str, str] | None:
        """Note the number of a key's project.

        Returns:
            The key's project, and the one for which the number was told before, if that is
            another.
        """
        ...

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
        """Note that a project was refused for quota.

        Args:
            pool: Its pool.
            project_id: The project.
            model: For which model.
            near: How near in time two refusals are together.
            apart: How far apart two times must be to count as two.
            enough: How many times are needed.
            pause: For how long a pair is told once only, to whomever.

        Returns:
            The project as it is called now, and undeclared projects that were refused together
            with it so often.
        """
        ...


class QuotaStore(Protocol):
    """Declared limits."""

    async def set(self, pool: str, scope: QuotaScope, limits: Limits) -> Declared:
        """Declare limits in place of earlier ones."""
        ...

    async def list_all(self, pool: str) -> list[tuple[QuotaScope, Limits]]:
        """Return all declared limits, in the order of their scopes."""
        ...

    async def delete(self, pool: str, scope: QuotaScope) -> Declared:
        """Withdraw declared limits."""
        ...

    async def apply_file(self, pool: str, filed: Filed) -> tuple[int, int]:
        """Declare what the quota file says, and withdraw what only an earlier one said.

        Returns:
            How many entries are new or changed, and how many were withdrawn.
        """
        ...

    async def file_keys(self, pool: str, projects: Mapping[str, str]) -> None:
        """Put keys into projects because the quota file says so."""
        ...
