"""What the edge knows of leases, without the wire."""

from dataclasses import dataclass, field

from services.edge.usage import TokenUsage
from services.judging import Evidence, Operation


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs a lease for.

    Attributes:
        pool: The client's pool.
        client_id: The client.
        model: Empty when the request names none.
        operation: What the request does.
        from_stock: Whether a lease that was not asked for by this request will do.
        input_tokens: How many input tokens it is expected to use.
        affinity: Requests of equal affinity had better use the same project; 0 for none.
        patience: Seconds that it can wait for a key to be free.
        project: The only project whose keys can serve it, empty for any.
        resources: What it names, when that lies in several projects.
        prefers_paid: Whether a key of the pool of paid keys is asked for first.
    """

    pool: str
    client_id: str
    model: str
    operation: Operation
    from_stock: bool = True
    input_tokens: int = 0
    affinity: int = 0
    patience: float = 0
    project: str = ""
    resources: tuple[str, ...] = ()
    prefers_paid: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether not just any project will do."""
        return bool(self.project or self.resources)


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key that the edge may use for one call.

    Attributes:
        lease_id: Empty when the key is used in grace, without a lease.
        key_id: The key.
        alias: For people.
        project_id: Whose quota the call uses.
        secret: The credential. Never logged.
        model: What it was granted for.
        pool: Where it came from.
        proxy_url: The proxy that calls with it go through, empty for none.
        use_by: Monotonic time after which the call must not start.
        not_before: Monotonic time before which it must not; 0 for at once.
    """

    lease_id: str
    key_id: str
    alias: str
    project_id: str
    secret: str = field(repr=False)
    model: str
    pool: str
    proxy_url: str = field(repr=False, default="")
    use_by: float = float("inf")
    not_before: float = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How the use of a key ended.

    Attributes:
        key: What was used.
        client_id: On whose behalf.
        kind: One of `succeeded`, `failed`, `unused`, `abandoned`.
        started_at: Wall time at which the request was sent, 0 when it never was.
        usage: What the upstream counted, when it told.
        evidence: What went wrong, for `failed`.
        report_id: Makes the report of a use in grace idempotent.
    """

    key: HeldKey
    client_id: str
    kind: str
    started_at: float = 0
    usage: TokenUsage | None = None
    evidence: Evidence | None = None
    report_id: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What must not be used any more.

    Attributes:
        epoch: To be sent with the next call.
        key_ids: Keys that are dead, paused or gone.
        model_projects: Pairs of model and project that cool down.
        everything: All stock is to be dropped.
    """

    epoch: int = 0
    key_ids: frozenset[str] = frozenset()
    model_projects: frozenset[tuple[str, str]] = frozenset()
    everything: bool = False

    def covers(self, key: HeldKey) -> bool:
        """Whether a held key was withdrawn."""
        return (
            self.everything
            or key.key_id in self.key_ids
            or (key.model, key.project_id) in self.model_projects
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """What the key pool answered.

    Attributes:
        keys: The leases, in the order in which they should be used.
        withdrawn: What must not be used any more.
        stock_size: How many leases may be kept in stock for this model.
        refusal: Why there are not more, if there are not.
    """

    keys: list[HeldKey]
    withdrawn: Withdrawn
    stock_size: int
    refusal: "RefusedError | None"


class RefusedError(Exception):
    """No key can serve the request now.

    Attributes:
        reason: The pool's reason, such as `QUOTA` or `NO_LIVE_KEY`.
        retry_after: Seconds after which asking again can help; None when never.
        target_project_id: Where cited resources should be brought together.
    """

    def __init__(
        self, reason: str, message: str, retry_after: float | None, target_project_id: str = ""
    ) -> None:
        """Describe the refusal."""
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after
        self.target_project_id = target_project_id


class PoolAwayError(Exception):
    """The key pool cannot be reached, or cannot reach its store."""
