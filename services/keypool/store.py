"""The ports to the store. Every method raises `StoreUnavailableError` when it does not answer.

A call that was cancelled, or whose answer got lost, may have happened all the
same: methods are safe to repeat unless they say otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.judging import Effect
from services.keypool.catalog import Added, KeyChange, KeyRow, SealedKey, Token, TokenChange
from services.keypool.model import Binding, LeaseOrder, Outcome, Refusal, SettleKind, Withdrawals


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


@dataclass(frozen=True, slots=True)
class GrantRows:
    """The answer to an order as the store gives it."""

    leases: tuple[LeaseRow, ...]
    refusal: Refusal | None
    withdrawals: Withdrawals


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """An outcome with the verdict that follows from it.

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


@dataclass(frozen=True, slots=True)
class StandingRow:
    """How a project stands with a model."""

    project_id: str
    score: float
    live_keys: int
    cool_until: datetime | None
    is_guess: bool
    is_absent: bool
    project_cool_until: datetime | None


class LeaseStore(Protocol):
    """Leases and outcomes; each call is one round trip."""

    async def acquire(
        self, order: LeaseOrder, outcomes: Sequence[OutcomeRow], readable: bytes
    ) -> tuple[GrantRows, list[SettleKind]]:
        """Count the outcomes, then grant what the order asks for.

        Args:
            order: What is wanted.
            outcomes: What to count first.
            readable: What the secrets that can be used begin with.
        """
        ...

    async def settle(
        self, outcomes: Sequence[OutcomeRow], pool: str, known_epoch: int
    ) -> tuple[list[SettleKind], Withdrawals]:
        """Count outcomes, each once, and tell what was withdrawn from a pool."""
        ...

    async def renew(
        self, raw_id: str, pool: str, key_id: str, lifetime: timedelta
    ) -> datetime | None:
        """Extend an open lease and return its end, None when it is not open."""
        ...

    async def explain(self, pool: str, model: str) -> tuple[list[StandingRow], datetime]:
        """Return how each project stands, and the store's time. Changes nothing."""
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

    async def change(self, pool: str, key_id: str, change: KeyChange) -> bool:
        """Change a key; False when it is unknown or removed."""
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

    async def is_seeded(self) -> bool:
        """Whether seeding has ended since the store was last empty. Also shows that it answers."""
        ...

    async def mark_seeded(self) -> None:
        """Remember that seeding has ended."""
        ...
