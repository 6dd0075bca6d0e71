"""What a client is told when no try of its call can go on."""

from dataclasses import dataclass

from services.edge.dialects import Dialect
from services.edge.envelopes import (
    Headers,
    render,
    render_upstream,
    retry_headers,
    upstream_status,
)
from services.edge.errors import (
    ApiError,
    outcome_unknown,
    owner_unusable,
    upstream_lost,
    upstream_timed_out,
    upstream_unreached,
    upstream_unusable,
    vertex_not_set_up,
)
from services.edge.leasing.lease import HeldKey, RefusedError
from services.edge.pools import VERTEX_POOL
from services.judging import Effect, Evidence, Fault, Phase, Verdict

# Whoever pays the upstream is not told the client; whoever asked is told what to do.
_HIDDEN = {Fault.KEY, Fault.PROJECT, Fault.EGRESS, Fault.OURS}


class FailedError(Exception):
    """All attempts failed; this is what the client gets.

    Attributes:
        status: The HTTP status.
        headers: Of the answer.
        body: Of the answer, in the client's dialect.
    """

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        """Take the answer."""
        super().__init__(f"failed with status {status}")
        self.status = status
        self.headers = headers
        self.body = body


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt, judged.

    Attributes:
        key: What it was made with.
        evidence: What was seen.
        verdict: What follows.
        content_type: Of the upstream's error.
        body: The upstream's error, without secrets.
        timed_out: Whether it was silence that ended it.
    """

    key: HeldKey
    evidence: Evidence
    verdict: Verdict
    content_type: str = ""
    body: bytes = b""
    timed_out: bool = False


def is_ours_to_bear(verdict: Verdict) -> bool:
    """Whether a failure is about our keys, so that clients are not told of it."""
    return verdict.fault in _HIDDEN or verdict.effect is Effect.KILL_KEY


def failed_with(error: ApiError, dialect: Dialect) -> FailedError:
    """Return an error of our own as the end of all attempts."""
    headers, body = render(error, dialect)
    return FailedError(error.status, headers, body)


def given_up(
    last: Failure | None, refusal: RefusedError | None, dialect: Dialect, pool: str
) -> FailedError:
    """Return what the client is told, out of the last failure and the pool's refusal.

    Args:
        last: The last attempt, None when there was no key for a first one.
        refusal: Why there is no key for another one, if one was asked for.
        dialect: The client's.
        pool: Whose keys were asked for.
    """
    if last is None:
        assert refusal is not None
        return failed_with(refused(refusal, pool), dialect)
    if last.verdict.fault is Fault.PROJECT_MODEL and last.evidence.status == 429:
        wait = refusal.retry_after if refusal is not None else None
        if wait is None and last.verdict.cool_for is not None:
            wait = last.verdict.cool_for.total_seconds()
        headers, body = render_upstream(429, last.content_type, last.body, dialect)
        return FailedError(429, [*headers, *retry_headers(wait or 1)], body)
    if is_ours_to_bear(last.verdict):
        if refusal is not None and refusal.retry_after is not None:
            return failed_with(refused(refusal, pool), dialect)
        is_unreached = last.evidence.phase is Phase.CONNECT
        error = upstream_unreached() if is_unreached else upstream_unusable()
        return failed_with(error, dialect)
    if last.evidence.phase is not Phase.ANSWERED:
        return failed_with(_transport_error(last), dialect)
    status = last.evidence.status
    headers, body = render_upstream(status, last.content_type, last.body, dialect)
    return FailedError(upstream_status(status, dialect), headers, body)


def _transport_error(last: Failure) -> ApiError:
    sent = last.evidence.phase is not Phase.CONNECT
    if sent and not last.evidence.operation.is_repeatable:
        return outcome_unknown()
    return upstream_timed_out() if last.timed_out else upstream_lost()


def refused(refusal: RefusedError, pool: str) -> ApiError:
    """Return what a client is told when the pool has no key for it."""
    match refusal.reason:
        case "POOL_EMPTY" if pool == VERTEX_POOL:
            return vertex_not_set_up()
        case "OWNER_SPENT" if refusal.retry_after is None:
            return owner_unusable()
        case "QUOTA" | "IN_FLIGHT" | "CLIENT_LIMIT" | "OWNER_SPENT" | "AGAIN":
            wait = refusal.retry_after
            when = f" Try again in {max(1, round(wait))} s." if wait is not None else ""
            return ApiError(
                429,
                f"{_SPENT.get(refusal.reason, _ALL_SPENT)}{when}",
                code="rate_limit_exceeded",
                retry_after=wait,
                # Clients that wait by themselves give up beyond two minutes anyway.
                retryable=False if wait is not None and wait > 120 else None,
            )
        case "TOO_LARGE":
            return ApiError(400, "The request needs more tokens than any key allows.")
        case "MODEL_ABSENT":
            return ApiError(404, "No upstream key offers this model.", code="model_not_found")
        case _:
            return upstream_unusable()


_ALL_SPENT = "Every upstream key is at its limit for this model."
_SPENT = {
    "CLIENT_LIMIT": "This token has used up a limit of its own.",
    "OWNER_SPENT": "The project that holds what the request names is at its limit.",
}
