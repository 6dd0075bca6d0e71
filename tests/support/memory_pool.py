"""A key pool in memory, by the contract of the port."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime

from services.files.errors import NoKeyError
from services.files.leases import Lease, Need, Outcome, Owner
from services.judging import Evidence


class MemoryPool:
    """See `KeyPool`.

    Attributes:
        open: Leases that were not settled yet.
        outcomes: How the others ended.
        bound: Whose resources are.
    """

    def __init__(self, *, is_empty: Callable[[Need], bool] = lambda _: False) -> None:
        self.open: dict[str, Lease] = {}
        self.outcomes: list[Outcome] = []
        self.bound: dict[str, Owner] = {}
        self._is_empty = is_empty
        self._numbers = itertools.count(1)

    async def acquire(self, need: Need) -> Lease:
        if self._is_empty(need):
            raise NoKeyError("no key is free")
        number = next(self._numbers)
        lease = Lease(f"l{number}", "k", need.project_id or "p", need.pool, "secret")
        self.open[lease.lease_id] = lease
        return lease

    async def renew(self, lease: Lease) -> bool:
        return lease.lease_id in self.open

    async def settle(
        self,
        lease: Lease,
        outcome: Outcome,
        *,
        started_at: float = 0,
        evidence: Evidence | None = None,
    ) -> None:
        assert self.open.pop(lease.lease_id, None), "a lease is settled once"
        self.outcomes.append(outcome)

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
        if must_be_new and name in self.bound:
            return False
        self.bound[name] = Owner(project_id, client_id, datetime.now(UTC))
        return True

    async def owner_of(self, pool: str, name: str) -> Owner | None:
        return self.bound.get(name)

    async def unbind(self, pool: str, name: str) -> None:
        self.bound.pop(name, None)
