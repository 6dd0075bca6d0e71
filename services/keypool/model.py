"""The words of the data path as types: leases, outcomes, withdrawals, bindings."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from services.judging import Evidence

DEFAULT_POOL = "default"

VERTEX_POOL = "vertex-express"
"""Keys of Vertex AI in express mode: another kind, for another address."""

PAID_POOL = "paid"
"""Keys for pictures, before those of the client's own pool."""

PURPOSE_POOLS = frozenset({VERTEX_POOL, PAID_POOL})
"""Pools that may well be empty: there is nothing wrong with having no such keys."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What narrows the choice of a project.

    Attributes:
        excluded_projects: Ids of projects that must not be chosen.
        excluded_keys: Ids of keys that must not be chosen.
        required_project: The only project that may be chosen, empty for any.
        resources: Names of resources whose project must be chosen.
    """

    excluded_projects: tuple[str, ...] = ()
    excluded_keys: tuple[str, ...] = ()
    required_project: str = ""
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaseOrder:
    """What leases are wanted for.

    Attributes:
        request_id: Name of the intent; the same name within a minute gets the same leases.
        pool: The pool to choose from.
        model: The model, empty when the call names none.
        count: How many, 1 to 64.
        client_id: On whose behalf.
        hold: How long a lease may wait before its request starts; None when it starts at once.
        lifetime: How long a request may run.
        known_epoch: The withdrawal epoch that the caller knows.
        wishes: What narrows the choice.
        input_tokens: Tokens that each request is expected to use.
        is_free: Whether it is for calls that use no quota of the model.
        wait_budget: How long the caller can wait for a slot ahead.
        affinity_hash: 64 bits; orders of equal hash prefer the same project, 0 for none.
        replaces: Leases, as the store knows them, whose tries failed through no fault of the
            client: what takes their place is not counted as further requests of its own.
    """

    request_id: str
    pool: str
    model: str
    count: int
    client_id: str
    hold: timedelta | None
    lifetime: timedelta
    known_epoch: int = 0
    wishes: Wishes = field(default_factory=Wishes)
    input_tokens: int = 0
    is_free: bool = False
    wait_budget: timedelta = timedelta()
    affinity_hash: int = 0
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """Permission to use one key for one upstream call."""

    lease_id: str
    key_id: str
    key_alias: str
    project_id: str
    secret: str = field(repr=False)
    model: str
    use_by: datetime
    expire_time: datetime
    proxy_url: str = field(default="", repr=False)
    not_before: datetime | None = None


class RefusalReason(Enum):
    """Why leases were not granted; the values are those of the contract."""

    POOL_EMPTY = 1
    NO_LIVE_KEY = 2
    QUOTA = 3
    IN_FLIGHT = 4
    TOO_LARGE = 5
    MODEL_ABSENT = 6
    CLIENT_LIMIT = 7
    RESOURCES_SPLIT = 8
    OWNER_SPENT = 9
    AGAIN = 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why fewer leases were granted than wanted, and when asking again can help."""

    reason: RefusalReason
    retry_at: datetime | None = None
    target_project: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """What holders of stock must stop using: ids of keys, and (project, model) pairs."""

    epoch: int
    everything: bool = False
    keys: tuple[str, ...] = ()
    model_projects: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to an order; all its times are by the clock that `now` tells."""

    leases: tuple[Lease, ...]
    refusal: Refusal | None
    withdrawals: Withdrawals
    stock_size: int
    now: datetime


class Outcome(Enum):
    """How an upstream call ended; the values are the store's words."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNUSED = "unused"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the upstream counted them; input includes cached ones, output no thoughts."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of one lease.

    Attributes:
        lease_id: The lease; empty for a use without one.
        outcome: How the call ended.
        evidence: What was seen of a failure.
        usage: What the call used, None when the upstream did not tell.
        client_id: On whose behalf it was made; empty for whoever the lease was acquired for.
        started_at: When the request was sent, None when that is not told.
    """

    lease_id: str
    outcome: Outcome
    evidence: Evidence | None = None
    usage: Usage | None = None
    client_id: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnleasedUse:
    """The outcome of a call made with a key without a lease."""

    report_id: str
    pool: str
    key_id: str
    model: str
    settlement: Settlement
    client_id: str = ""


class SettleKind(Enum):
    """What became of an outcome; the values are the store's words."""

    SETTLED = "settled"
    REPEATED = "repeated"
    LATE = "late"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SettleResult:
    """What became of an outcome, and the rule that judged a failure."""

    kind: SettleKind
    rule_id: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """Which project and client a resource belongs to."""

    resource: str
    project_id: str
    client_id: str
    expire_time: datetime | None = None
    create_time: datetime | None = None


class WindowKind(Enum):
    """The kinds of limit; the values are those of the contract."""

    REQUESTS_PER_MINUTE = 1
    INPUT_TOKENS_PER_MINUTE = 2
    REQUESTS_PER_DAY = 3


@dataclass(frozen=True, slots=True)
class Window:
    """One limit in force and how much of it is used or reserved now."""

    kind: WindowKind
    limit: int
    used: int
    is_learned: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests within the last hour or so: how many, and since when there were any."""

    requests: int
    since: datetime


@dataclass(frozen=True, slots=True)
class ShownWay:
    """A way out of some keys, as people see it.

    Attributes:
        proxy: Its proxy without credentials, empty for none.
        egress: The declared way out that says so, empty for none.
        is_avoided: Whether the upstream does not serve it at present.
    """

    proxy: str
    egress: str = ""
    is_avoided: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a project stands with a model; eligible when there is no reason.

    Attributes:
        project_id: The project.
        reason: Why it could not be chosen now.
        until: Until when not, None when that is unknown or for ever.
        detail: For people.
        windows: The limits in force.
        live_keys: Its live keys.
        in_flight: Calls of its live keys that are running.
        ways: The ways out of its live keys.
        dry_time: When the day's quota will be used up at the rate of the last hour, None when
            it will not be today.
    """

    project_id: str
    reason: RefusalReason | None
    until: datetime | None
    detail: str
    windows: tuple[Window, ...] = ()
    live_keys: int = 0
    in_flight: int = 0
    dry_time: datetime | None = None
    ways: tuple[ShownWay, ...] = ()
