"""The words of the admin path as types: keys and client tokens."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from services.keypool.client_limits import UNLIMITED, ClientLimits

TOKEN_SCOPES = ("models", "files", "raw", "admin")
"""What a token can open."""


class KeyState(Enum):
    """The states of a key; the values are the store's words."""

    ACTIVE = "active"
    PAUSED = "paused"
    DEAD = "dead"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to add; without a project it gets one of its own."""

    secret: str = field(repr=False)
    project_id: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    proxy_url: str = field(default="", repr=False)
    weight: int = 1
    max_in_flight: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """One upstream credential, without its secret.

    Attributes:
        proxy: The proxy of its calls, without credentials.
        egress: The declared way out that says so, empty for none.
        weight: Its share relative to others.
        max_in_flight: Calls that may run at one time; 0 means any number.
        priority: Keys of a higher one are used first; 0 is ordinary.
    """

    key_id: str
    alias: str
    project_id: str
    pool: str
    state: KeyState
    dead_reason: str
    note: str
    tags: tuple[str, ...]
    proxy: str
    weight: int
    create_time: datetime
    last_use_time: datetime | None
    success_count: int
    failure_count: int
    in_flight_count: int
    seeded: bool
    max_in_flight: int = 0
    priority: int = 0
    egress: str = ""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is stored, with its secret and proxy sealed."""

    key_id: str
    pool: str
    project_id: str
    state: str
    alias: str
    sealed_secret: bytes
    sealed_proxy: bytes
    dead_reason: str
    note: str
    tags: tuple[str, ...]
    weight: int
    created: datetime
    last_use: datetime | None
    successes: int
    failures: int
    in_flight: int
    seeded: bool
    max_in_flight: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A key about to be stored."""

    key_id: str
    project_id: str
    alias: str
    sealed_secret: bytes
    sealed_proxy: bytes
    note: str
    tags: tuple[str, ...]
    seeded: bool
    weight: int = 1
    max_in_flight: int = 0
    priority: int = 0


class Added(Enum):
    """What became of a key that was to be added; the values are the store's words."""

    CREATED = "created"
    KNOWN = "known"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What to change about a key; None leaves a value as it is.

    Attributes:
        state: `active`, `paused`, `dead`, `revived` (from dead only), `removed`, `unreadable`
            or `readable`. A state that cannot be reached from the present one changes nothing.
        dead_reason: The rule that judged it dead, with `dead`.
        project_id: The project to move it to.
        note: For people.
        tags: For grouping.
        weight: Its share relative to others.
        max_in_flight: Calls that may run at one time; 0 means any number.
        priority: Keys of a higher one are used first.
        proxy_url: The proxy of its calls, empty for none.
        add_tags: Tags to add to those that it has.
        drop_tags: Tags to take away from those that it has.
    """

    state: str | None = None
    project_id: str | None = None
    note: str | None = None
    tags: tuple[str, ...] | None = None
    weight: int | None = None
    max_in_flight: int | None = None
    priority: int | None = None
    proxy_url: str | None = field(default=None, repr=False)
    dead_reason: str = ""
    add_tags: tuple[str, ...] = ()
    drop_tags: tuple[str, ...] = ()


class Touched(Enum):
    """What became of a key that was to be changed; the values are the store's words."""

    UNKNOWN = 0
    CHANGED = 1
    CHANGED_SEEDED = 2
    TOO_MANY_TAGS = 3


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Which keys are meant; what is empty leaves the choice open."""

    state: KeyState | None = None
    tag: str = ""
    project_id: str = ""


class TokenState(Enum):
    """The states of a token; the values are the store's words."""

    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Token:
    """A client's credential, without its text.

    Attributes:
        digest: What its text is compared with.
        has_left_settings: Whether it was revoked because the settings no longer hold it.
    """

    token_id: str
    client_id: str
    name: str
    scopes: tuple[str, ...]
    pool: str
    allowed_models: tuple[str, ...]
    state: TokenState
    expire_time: datetime | None
    tail: str
    seeded: bool
    tags: tuple[str, ...]
    digest: bytes = field(repr=False)
    create_time: datetime | None = None
    has_left_settings: bool = False
    limits: ClientLimits = UNLIMITED


@dataclass(frozen=True, slots=True)
class TokenChange:
    """What to change about a token; None leaves a value as it is.

    Attributes:
        expire_time: Set only when `sets_expiry`; None then means never.
        sets_expiry: Whether `expire_time` is to be changed.
    """

    state: TokenState | None = None
    name: str | None = None
    scopes: tuple[str, ...] | None = None
    allowed_models: tuple[str, ...] | None = None
    expire_time: datetime | None = None
    sets_expiry: bool = False
    has_left_settings: bool | None = None
    limits: ClientLimits | None = None
