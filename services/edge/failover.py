"""From a call to an answer: lease, send, judge, try again elsewhere."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from services.edge import metrics
from services.edge.calls import Call
from services.edge.envelopes import Headers
from services.edge.errors import ApiError, pool_away
from services.edge.key_search import KeySearch
from services.edge.leasing.desk import LeaseDesk
from services.edge.leasing.lease import Ending, HeldKey, PoolAwayError, RefusedError
from services.edge.refusals import FailedError, Failure, failed_with, given_up
from services.edge.signatures import repair_signatures
from services.edge.turns import Turns
from services.edge.upstream import Answer, UpstreamError
from services.edge.usage import TokenUsage
from services.judging import Evidence, Phase, Retry, Verdict, judge
from services.kit.scrub import REDACTED, scrub_bytes

_ERROR_BYTES = 256 * 1024
_JUDGED_BYTES = 16 * 1024


class Sender(Protocol):
    """What tries are sent with; see `Upstream`."""

    async def send(self, call: Call, key: HeldKey) -> Answer:
        """Return the answer to a call; raises UpstreamError when there was none."""


@dataclass(slots=True)
class Sent:
    """A call in progress: the key in use and what came back so far.

    Attributes:
        call: The call.
        key: The key that it was sent with.
        answer: A successful answer, to be read.
        started_at: Wall time of the sending.
    """

    call: Call
    key: HeldKey
    answer: Answer
    started_at: float


class Attempts:
    """The tries of one call; each failure decides whether there is another."""

    def __init__(
        self,
        call: Call,
        search: Callable[[Call], KeySearch],
        desk: LeaseDesk,
        upstream: Sender,
        max_retries: int,
    ) -> None:
        """Prepare the first try."""
        self._turns = Turns(call)
        self._new_search = search
        self._desk = desk
        self._upstream = upstream
        self._max_retries = max_retries
        self._count = 0
        self._seconds = 0.0
        self._ending: Ending | None = None
        self._last: Failure | None = None
        self._begin()

    @property
    def headers(self) -> Headers:
        """What the answer tells of the tries."""
        shown = [
            (b"x-gemini-balance-attempts", b"%d" % self._count),
            (
                b"x-gemini-balance-queue-ms",
                b"%d" % ((self._seconds + self._search.seconds) * 1000),
            ),
        ]
        if model := self._turns.other_model:
            shown.append((b"x-gemini-balance-model", model.encode("latin-1")))
        if self._last is not None:
            shown.append(
                (b"x-gemini-balance-key", self._last.key.alias.encode("latin-1", "replace"))
            )
        return shown

    async def next(self) -> Sent:
        """Send the call until it is answered with success, by another model if need be.

        Raises:
            FailedError: No further try is allowed or possible.
        """
        while True:
            try:
                return await self._next()
            except FailedError as failure:
                self._turns.go_on(failure)
                self._seconds += self._search.seconds
                self._begin()

    @property
    def is_renamed(self) -> bool:
        """Whether the upstream knows the call's files by other names than the client."""
        return self._search.renaming is not None

    def in_clients_words(self, answer: bytes) -> bytes:
        """Return an answer, or whole events of one, with the names that the client knows."""
        renaming = self._search.renaming
        return answer if renaming is None else renaming.back(answer)

    def heard(self, sent: Sent, answer: bytes) -> None:
        """Note where an answer, or whole events of one, came from, if it is to be continued."""
        self._search.heard(sent.key, answer)

    def succeeded(self, sent: Sent, usage: TokenUsage | None) -> None:
        """Settle a call whose answer was complete."""
        self._desk.succeeded(sent.key, self._call.need.client_id, sent.started_at, usage)

    def abandon(self, sent: Sent) -> None:
        """Settle a call that nobody waits for any more."""
        self._desk.abandoned(sent.key, self._call.need.client_id, sent.started_at)

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
        evidence = Evidence(phase, self._call.need.operation, status, told[:_JUDGED_BYTES])
        verdict = judge(evidence)
        metrics.upstream_failed(verdict.rule_id)
        failure = Failure(key, evidence, verdict, content_type, body, timed_out)
        ending = self._desk.failed(
            key,
            self._call.need.client_id,
            started_at=started_at,
            evidence=evidence,
            verdict=verdict,
        )
        self._last = failure
        self._search.shun(key, verdict)
        if not self._may_go_on(verdict):
            self._desk.report(ending)
        else:
            self._ending = ending
        return failure

    def _begin(self) -> None:
        """Prepare the first try of the call whose turn it is."""
        self._call = self._turns.call
        self._search = self._new_search(self._call)
        self._left = self._max_retries + 1
        self._spared = False
        self._repaired = False
        self._ending = None
        self._last = None

    async def _next(self) -> Sent:
        while True:
            key = await self._next_key()
            self._count += 1
            self._left -= 1
            started_at = time.time()
            call = self._search.call
            try:
                answer = await self._upstream.send(call, key)
                metrics.upstream_answered(call.need.operation, time.time() - started_at)
                if answer.status < 400:
                    return Sent(call, key, answer, started_at)
                await self._refused(key, answer, started_at)
            except UpstreamError as error:
                self.failed(key, started_at, error.phase, timed_out=error.timed_out)
            except asyncio.CancelledError:
                self._desk.abandoned(key, self._call.need.client_id, started_at)
                raise

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
        if self._repaired or not self._search.repair(repair_signatures):
            self._left = 0
        self._repaired = True

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
        dialect, pool = self._call.dialect, self._call.need.pool
        if self._last is not None and not self._left:
            raise self._told(given_up(self._last, None, dialect, pool))
        ending, self._ending = self._ending, None
        try:
            return await self._search.next(ending)
        except RefusedError as error:
            raise self._told(given_up(self._last, error, dialect, pool)) from None
        except ApiError as error:
            raise self._told(failed_with(error, dialect)) from None
        except PoolAwayError:
            if self._last is not None:
                raise self._told(given_up(self._last, None, dialect, pool)) from None
            raise self._told(failed_with(pool_away(), dialect)) from None

    def _told(self, failure: FailedError) -> FailedError:
        failure.headers = [*failure.headers, *self.headers]
        failure.body = self.in_clients_words(failure.body)
        return failure
