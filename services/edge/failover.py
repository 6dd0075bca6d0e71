"""From a call to an answer: lease, send, judge, try again elsewhere."""

import asyncio
import time
from dataclasses import dataclass, replace

from prometheus_client import Counter

from services.edge.calls import Call
from services.edge.envelopes import Headers, render, render_upstream, retry_headers
from services.edge.errors import (
    ApiError,
    outcome_unknown,
    pool_away,
    upstream_lost,
    upstream_timed_out,
    upstream_unusable,
)
from services.edge.leasing.desk import LeaseDesk
from services.edge.leasing.lease import Ending, HeldKey, Need, PoolAwayError, RefusedError
from services.edge.signatures import repair_signatures
from services.edge.upstream import Answer, Upstream, UpstreamError
from services.edge.usage import TokenUsage
from services.judging import Effect, Evidence, Fault, Phase, Retry, Verdict, judge
from services.kit.scrub import REDACTED, scrub_bytes

_FAILURES = Counter("edge_upstream_failures_total", "Failed upstream calls.", ["rule"])

_ERROR_BYTES = 256 * 1024
_JUDGED_BYTES = 16 * 1024
# Whoever pays the upstream is not told the client; whoever asked is told what to do.
_HIDDEN = {Fault.KEY, Fault.PROJECT, Fault.EGRESS, Fault.OURS}


@dataclass(slots=True)
class Sent:
    """A call in progress: the key in use and what came back so far.

    Attributes:
        call: The call.
        key: The key that it was sent with.
        answer: A successful answer, to be read.
        started_at: Wall time of the sending.
        attempts: How many keys were tried, this one included.
        queue_ms: Milliseconds spent on getting keys.
    """

    call: Call
    key: HeldKey
    answer: Answer
    started_at: float
    attempts: int
    queue_ms: int


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


@dataclass(slots=True)
class Failure:
    """One failed attempt, judged."""

    key: HeldKey
    evidence: Evidence
    verdict: Verdict
    content_type: str = ""
    body: bytes = b""
    timed_out: bool = False


@dataclass(slots=True)
class _Shunned:
    """What is not to be tried again."""

    projects: set[str]
    keys: set[str]


class Attempts:
    """The tries of one call; each failure decides whether there is another."""

    def __init__(self, call: Call, desk: LeaseDesk, upstream: Upstream, max_retries: int) -> None:
        """Prepare the first try."""
        self.call = call
        self._desk = desk
        self._upstream = upstream
        self._left = max_retries + 1
        self._count = 0
        self._queue = 0.0
        self._spared = False
        self._repaired = False
        self._patient_until = time.monotonic() + call.need.patience
        self._shunned = _Shunned(set(), set())
        self._cooling = _Shunned(set(), set())
        self._ending: Ending | None = None
        self._last: Failure | None = None

    @property
    def headers(self) -> Headers:
        """What the answer tells of the tries."""
        shown = [
            (b"x-gemini-balance-attempts", b"%d" % self._count),
            (b"x-gemini-balance-queue-ms", b"%d" % (self._queue * 1000)),
        ]
        if self._last is not None:
            shown.append(
                (b"x-gemini-balance-key", self._last.key.alias.encode("latin-1", "replace"))
            )
        return shown

    async def next(self) -> Sent:
        """Send the call until it is answered with success.

        Raises:
            FailedError: No further try is allowed or possible.
        """
        while True:
            key = await self._next_key()
            self._count += 1
            self._left -= 1
            started_at = time.time()
            try:
                answer = await self._upstream.send(self.call, key)
                if answer.status < 400:
                    return Sent(
                        self.call, key, answer, started_at, self._count, int(self._queue * 1000)
                    )
                await self._refused(key, answer, started_at)
            except UpstreamError as error:
                self.failed(key, started_at, error.phase, timed_out=error.timed_out)
            except asyncio.CancelledError:
                self._desk.abandoned(key, self.call.need.client_id, started_at)
                raise

    def succeeded(self, sent: Sent, usage: TokenUsage | None) -> None:
        """Settle a call whose answer was complete."""
        self._desk.succeeded(sent.key, self.call.need.client_id, sent.started_at, usage)

    def abandon(self, sent: Sent) -> None:
        """Settle a call that nobody waits for any more."""
        self._desk.abandoned(sent.key, self.call.need.client_id, sent.started_at)

    def failed(
        self,
        key: HeldKey,
        started_at: float,
        phase: Phase,
        *,
        status: int = 0,
        body: bytes = b"",
        content_type: str = "",
        timed_out: bool = False,
    ) -> Failure:
        """Judge a failed try; `next` then goes on or gives up."""
        # The pool learns from project numbers which keys share a quota; nobody else sees them.
        told = body.replace(key.secret.encode("latin-1"), REDACTED.encode())
        body = scrub_bytes(body, key.secret)
        evidence = Evidence(phase, self.call.need.operation, status, told[:_JUDGED_BYTES])
        verdict = judge(evidence)
        _FAILURES.labels(verdict.rule_id).inc()
        failure = Failure(key, evidence, verdict, content_type, body, timed_out)
        ending = self._desk.failed(
            key,
            self.call.need.client_id,
            started_at=started_at,
            evidence=evidence,
            verdict=verdict,
        )
        self._last = failure
        # A quota's limit passes: such projects come back into question when waiting helps.
        shunned = self._cooling if verdict.fault is Fault.PROJECT_MODEL else self._shunned
        if verdict.retry is not Retry.REPAIRED:
            shunned.keys.add(key.key_id)
        if verdict.retry in {Retry.OTHER_PROJECT, Retry.OTHER_PROJECT_ONCE}:
            shunned.projects.add(key.project_id)
        if not self._may_go_on(verdict):
            self._desk.report(ending)
        else:
            self._ending = ending
        return failure

    def _may_go_on(self, verdict: Verdict) -> bool:
        if verdict.retry is Retry.NEVER or not self._left:
            self._left = 0
        elif verdict.retry is Retry.OTHER_PROJECT_ONCE:
            if self._spared:
                self._left = 0
            self._spared = True
        elif verdict.retry is Retry.REPAIRED:
            self._repair()
        return self._left > 0

    def _repair(self) -> None:
        """Take out what the upstream did not accept; a second refusal stands."""
        body = None if self._repaired else repair_signatures(self.call.body)
        if body is None:
            self._left = 0
            return
        self._repaired = True
        self.call = replace(self.call, body=body)

    async def _refused(self, key: HeldKey, answer: Answer, started_at: float) -> None:
        body = b""
        try:
            body = await answer.read(_ERROR_BYTES)
        except UpstreamError:
            # The status alone tells enough.
            body = b""
        self.failed(
            key,
            started_at,
            Phase.ANSWERED,
            status=answer.status,
            body=body,
            content_type=answer.content_type,
        )

    async def _next_key(self) -> HeldKey:
        if self._last is not None and not self._left:
            raise self._given_up(None)
        ending, self._ending = self._ending, None
        begun = time.perf_counter()
        try:
            return await self._take(ending)
        except RefusedError as error:
            raise self._given_up(error) from None
        except PoolAwayError:
            if self._last is not None:
                raise self._given_up(None) from None
            raise self._failed_with(pool_away()) from None
        finally:
            self._queue += time.perf_counter() - begun

    async def _take(self, ending: Ending | None) -> HeldKey:
        """Get a key of a project that has not failed; else wait for one at its limit."""
        cooling = self._cooling
        try:
            return await self._desk.take(
                self._need(),
                excluded_projects=self._shunned.projects | cooling.projects,
                excluded_keys=self._shunned.keys | cooling.keys,
                ending=ending,
            )
        except RefusedError:
            if not cooling.keys:
                raise
            self._cooling = _Shunned(set(), set())
        # The ending goes along again, which settles nothing twice: it tells that this request
        # is no further one of its client.
        return await self._desk.take(
            self._need(),
            excluded_projects=self._shunned.projects,
            excluded_keys=self._shunned.keys,
            ending=ending,
        )

    def _need(self) -> Need:
        """Return what is needed, with the patience that is left after earlier tries."""
        need = self.call.need
        if not self._count or not need.patience:
            return need
        return replace(need, patience=max(0.0, self._patient_until - time.monotonic()))

    def _given_up(self, refusal: RefusedError | None) -> FailedError:
        """Return what the client is told, out of the last failure and the pool's refusal."""
        last, dialect = self._last, self.call.dialect
        if last is None:
            assert refusal is not None
            return self._failed_with(refused(refusal))
        if last.verdict.fault is Fault.PROJECT_MODEL and last.evidence.status == 429:
            wait = refusal.retry_after if refusal is not None else None
            if wait is None and last.verdict.cool_for is not None:
                wait = last.verdict.cool_for.total_seconds()
            headers, body = render_upstream(429, last.content_type, last.body, dialect)
            return self._answered(429, [*headers, *retry_headers(wait or 1)], body)
        if last.verdict.fault in _HIDDEN or last.verdict.effect is Effect.KILL_KEY:
            if refusal is not None and refusal.retry_after is not None:
                return self._failed_with(refused(refusal))
            return self._failed_with(upstream_unusable())
        if last.evidence.phase is not Phase.ANSWERED:
            return self._failed_with(self._transport_error(last))
        headers, body = render_upstream(last.evidence.status, last.content_type, last.body, dialect)
        return self._answered(last.evidence.status, headers, body)

    def _transport_error(self, last: Failure) -> ApiError:
        sent = last.evidence.phase is not Phase.CONNECT
        if sent and not self.call.need.operation.is_repeatable:
            return outcome_unknown()
        return upstream_timed_out() if last.timed_out else upstream_lost()

    def _failed_with(self, error: ApiError) -> FailedError:
        return self._answered(error.status, *render(error, self.call.dialect))

    def _answered(self, status: int, headers: Headers, body: bytes) -> FailedError:
        return FailedError(status, [*headers, *self.headers], body)


def refused(refusal: RefusedError) -> ApiError:
    """Return what a client is told when the pool has no key for it."""
    match refusal.reason:
        case "QUOTA" | "IN_FLIGHT" | "CLIENT_LIMIT" | "OWNER_SPENT" | "AGAIN":
            wait = refusal.retry_after
            when = f" Try again in {max(1, round(wait))} s." if wait is not None else ""
            what = (
                "This token has used up a limit of its own."
                if refusal.reason == "CLIENT_LIMIT"
                else "Every upstream key is at its limit for this model."
            )
            return ApiError(
                429,
                f"{what}{when}",
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
