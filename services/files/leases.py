"""What the domain needs of the key pool: leases of keys, and whose resources are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from services.judging import Evidence, Operation


@dataclass(frozen=True, slots=True)
class Need:
    """What a lease is wanted for.

    Attributes:
        pool: The pool.
        client_id: On whose behalf.
        operation: What for.
        project_id: The only project that will do, empty for any.
        resource: The resource whose project must serve, empty for none.
        excluded_projects: Projects that have just failed.
        excluded_keys: Keys that have just failed.
    """

    pool: str
    client_id: str
    operation: Operation
    project_id: str = ""
    resource: str = ""
    excluded_projects: Sequence[str] = ()
    excluded_keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """A key that may be used until the lease is settled."""

    lease_id: str
    key_id: str
    project_id: str
    pool: str
    secret: str = field(repr=False)
    proxy_url: str = field(repr=False, default="")


class Outcome(Enum):
    """How the use of a lease ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNUSED = "unused"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a resource is."""

    project_id: str
    client_id: str
    create_time: datetime


class KeyPool(Protocol):
    """The key pool. Every method raises `KeypoolUnavailableError` when it does not answer."""

    async def acquire(self, need: Need) -> Lease:
        """Return a lease.

        Raises:
            NoKeyError: There is none now.
        """

    async def renew(self, lease: Lease) -> bool:
        """Extend a lease; False when it has lapsed."""

    async def settle(
        self,
        lease: Lease,
        outcome: Outcome,
        *,
        started_at: float = 0,
        evidence: Evidence | None = None,
    ) -> None:
        """Report how the use of a lease ended.

        Args:
            lease: The lease.
            outcome: How it ended.
            started_at: Wall time of the first request sent with it, 0 when there was none.
            evidence: What went wrong, for FAILED.
        """

    async def bind(
        self,
        pool: str,
        name: str,
        *,
        project_id: str,
        client_id: str,
        expire_time: datetime | None,
        must_be_new: bool = False,
    ) -> bool:
        """Remember whose a resource is; False when it was to be new and is bound."""

    async def owner_of(self, pool: str, name: str) -> Owner | None:
        """Tell whose a resource is."""

    async def unbind(self, pool: str, name: str) -> None:
        """Forget whose a resource was."""
