"""The ports to the store. Every method raises `StoreUnavailableError` when it does not answer.

A call that was cancelled, or whose answer got lost, may have happened all the
same: methods are safe to repeat unless they say otherwise.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from services.judging import Effect
from services.keypool.catalog import (
    Added,
    KeyChange,
    KeyFilter,
    KeyRow,
    SealedKey,
    Token,
    TokenChange,
    Touched,
)
from services.keypool.model import (
    Binding,
    LeaseOrder,
    Outcome,
    Pace,
    Refusal,
    SettleKind,
    Usage,
    Window,
    Withdrawals,
)
from services.keypool.project_store import Limits

QuotasChanged = Callable[[str], Awaitable[None]]
"""Tells the lease store that other limits may hold in a pool: projects that waited longer than
they now need to are looked at again."""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A lease as the store grants it, with sealed secrets."""

    raw_id: str
    key_id: str
    project_id: str
    alias: str
    sealed_secret: bytes
    sealed_proxy: bytes
    use_by: datetime
    expire_time: datetime
    not_before: datetime | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettledRows:
    """What became of outcomes.

    Attributes:
        kinds: One for each outcome, in order.
        withdrawals: What was withdrawn from the pool asked about.
        frozen: Rules that were found to meet many keys at once, and now harm none.
    """

    kinds: list[SettleKind]
    withdrawals: Withdrawals
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GrantRows:
    """The answer to an order as the store gives it.

    Attributes:
        leases: What was granted.
        refusal: Why that is fewer than wanted.
        withdrawals: What was withdrawn since the caller's epoch.
        is_limited: Whether a limit is in force for what was granted.
        now: The store's clock when it granted; all times are by it.
        settled: What became of the outcomes sent along.
    """

    leases: tuple[LeaseRow, ...]
    refusal: Refusal | None
    withdrawals: Withdrawals
    is_limited: bool
    now: datetime
    settled: SettledRows


class OutcomeRow(NamedTuple):
    """An outcome with the verdict that follows from it; a tuple, since each request makes one.

    Attributes:
        raw_id: The lease as the store knows it; empty for a use without a lease.
        report_id: Name of the report of such a use; empty for a lease.
        pool: Where the key is.
        key_id: The key.
        project_id: The project; empty for a use without a lease.
        model: The model.
        outcome: How the call ended.
        effect: What happens to the key or the project.
        cool_for: How long.
        is_guess: Whether a success of the same model ends it earlier.
        ends_with_day: Whether it ends with the quota day at the latest.
        rule_id: The rule that judged.
        client_id: On whose behalf the call was made.
        usage: What it used, when the upstream told.
        started_at: When the request was sent, when the caller told.
        is_unsent: Whether it never reached the upstream, so that no quota was used.
        is_blameless: Whether it failed through no fault of the client.
        told_limits: Limits that the upstream told.
    """

    raw_id: str
    report_id: str
    pool: str
    key_id: str
    project_id: str
    model: str
    outcome: Outcome
    effect: Effect = Effect.NONE
    cool_for: timedelta = timedelta()
    is_guess: bool = False
    ends_with_day: bool = False
    rule_id: str = ""
    client_id: str = ""
    usage: Usage | None = None
    started_at: datetime | None = None
    is_unsent: bool = False
    is_blameless: bool = False
    told_limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class BoundKey:
    """A key as far as its way out depends on it."""

    key_id: str
    project_id: str
    tags: tuple[str, ...]
    sealed_proxy: bytes


@dataclass(frozen=True, slots=True)
class StandingRow:
    """How a project stands with a model.

    Attributes:
        fits_at: When the request in question fits, None when it never does.
        pace: How fast it used up its day lately, None where no day is limited.
        keys: Some of its live keys.
    """

    project_id: str
    score: float
    live_keys: int
    in_flight: int
    is_full: bool
    cool_until: datetime | None
    is_guess: bool
    is_absent: bool
    project_cool_until: datetime | None
    fits_at: datetime | None
    windows: tuple[Window, ...]
    pace: Pace | None
    keys: tuple[BoundKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Selected:
    """Keys that fit.

    Attributes:
        key_ids: The keys.
        examined: How many were looked at.
        after: The key after which to go on, empty at the end.
    """

    key_ids: list[str]
    examined: int
    after: str


class LeaseStore(Protocol):
    """Leases and outcomes; each call is one round trip."""

    async def acquire(
        self, order: LeaseOrder, outcomes: Sequence[OutcomeRow], readable: bytes
    ) -> GrantRows:
        """Count the outcomes, then grant what the order asks for.

        Args:
            order: What is wanted.
            outcomes: What to count first.
            readable: What the secrets that can be used begin with.
        """
        ...

    async def settle(
        self, outcomes: Sequence[OutcomeRow], pool: str, known_epoch: int
    ) -> SettledRows:
        """Count outcomes, each once, and tell what was withdrawn from a pool."""
        ...

    async def renew(
        self, raw_id: str, pool: str, key_id: str, lifetime: timedelta
    ) -> datetime | None:
        """Extend an open lease and return its end, None when it is not open."""
        ...

    async def explain(
        self, pool: str, model: str, input_tokens: int
    ) -> tuple[list[StandingRow], datetime]:
        """Return how each project stands, and the store's time. Changes nothing."""
        ...

    async def quotas_changed(self, pool: str) -> None:
        """Let changed declarations hold. Safe to repeat; to be repeated when it fails."""
        ...


class BindingStore(Protocol):
    """Which project and client a resource belongs to."""

    async def bind(self, pool: str, binding: Binding, *, must_be_new: bool) -> Binding | None:
        """Store a binding and return it, None when the name was to be new and is not."""
        ...

    async def resolve(self, pool: str, resources: Sequence[str]) -> list[Binding]:
        """Return the bindings of those names that have one."""
        ...

    async def list_of(
        self, pool: str, client_id: str, prefix: str, limit: int, after: tuple[str, str] | None
    ) -> tuple[list[Binding], tuple[str, str] | None]:
        """Return a page of a client's bindings, newest first, and where the next one begins."""
        ...

    async def unbind(self, pool: str, resource: str, client_id: str) -> None:
        """Forget a binding if it is this client's; an empty client means whoever's."""
        ...


class KeyStore(Protocol):
    """Keys and their states."""

    async def add(self, pool: str, keys: Sequence[SealedKey], *, revives: bool) -> list[Added]:
        """Add what is unknown; what was removed only when `revives`."""
        ...

    async def get(self, key_id: str) -> KeyRow | None:
        """Return a key, whichever pool it is in, None when it is unknown or removed."""
        ...

    async def get_many(self, key_ids: Sequence[str]) -> list[KeyRow | None]:
        """Return many keys, in order."""
        ...

    async def list_after(self, pool: str, key_id: str, limit: int) -> list[KeyRow]:
        """Return the next keys after an id, in the order of their ids; all pools when empty."""
        ...

    async def change(
        self, pool: str, key_id: str, change: KeyChange, *, sealed_proxy: bytes = b""
    ) -> bool:
        """Change a key; False when it is unknown or removed.

        Args:
            pool: Its pool.
            key_id: The key.
            change: What to change.
            sealed_proxy: The proxy of the change, sealed; empty for none.
        """
        ...

    async def change_many(
        self, pool: str, keys: Sequence[tuple[str, bytes]], change: KeyChange
    ) -> list[Touched]:
        """Change keys alike and tell what became of each.

        Some at a time: a call that was cut short may have changed the first of them.

        Args:
            pool: Their pool.
            keys: The keys, each with the proxy of the change, sealed for it; empty for none.
            change: What to change.
        """
        ...

    async def select(self, pool: str, wanted: KeyFilter, after: str, limit: int) -> Selected:
        """Return those keys that fit out of the next `limit` after an id, in order."""
        ...

    async def pools(self) -> list[str]:
        """Return the names of all pools, in order."""
        ...

    async def count(self, pool: str) -> int:
        """Return how many keys a pool has."""
        ...

    async def reseal(self, pool: str, rows: Sequence[tuple[KeyRow, bytes, bytes]]) -> int:
        """Replace sealed secrets and proxies that are still what was read; return how many.

        Args:
            pool: The pool of all of them.
            rows: What was read, the new sealed secret, the new sealed proxy.
        """
        ...


class TokenStore(Protocol):
    """Client tokens."""

    async def add(self, tokens: Sequence[Token]) -> list[bool]:
        """Store what is unknown; False for what is known, be it revoked."""
        ...

    async def get(self, token_id: str) -> tuple[Token | None, datetime]:
        """Return a token and the store's time."""
        ...

    async def list_after(self, token_id: str, limit: int) -> list[Token]:
        """Return the next tokens after an id, in the order of their ids."""
        ...

    async def change(self, token_id: str, change: TokenChange) -> bool:
        """Change a token; False when it is unknown."""
        ...


class MetaStore(Protocol):
    """What tells one set of data from another."""

    async def load_pepper(self, owner: str, first: bytes) -> bytes:
        """Return the sealed pepper kept under a name, storing `first` when there is none."""
        ...

    async def read_pepper(self, owner: str) -> bytes | None:
        """Return the sealed pepper kept under a name, None when there is none."""
        ...

    async def replace_pepper(self, owner: str, pepper: bytes) -> None:
        """Keep another sealed pepper under a name; seeding then begins anew everywhere."""
        ...

    async def is_seeded(self, epoch: str) -> bool:
        """Whether the data of this name were seeded to the end."""
        ...

    async def mark_seeded(self, epoch: str) -> None:
        """Remember that data were seeded which had this name when it began."""
        ...
