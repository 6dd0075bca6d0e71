"""Calls about files, each with a key of the project in which the file lies."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.files.errors import UpstreamUnavailableError
from services.files.leases import KeyPool, Lease, Need, Outcome
from services.files.retrying import answered, need_after, pause_before, unanswered
from services.files.sessions import Reply, UnansweredError
from services.judging import Evidence, Operation, Retry, judge
from services.kit.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Asking:
    """What asking takes.

    Attributes:
        pool: The key pool.
        max_retries: Tries after the first.
    """

    pool: KeyPool
    max_retries: int

    async def ask(self, need: Need, call: Callable[[Lease], Awaitable[Reply]]) -> Reply:
        """Make a call with a key of the needed project, and again when it may help.

        Raises:
            NoKeyError: The project has no key for it now.
            UpstreamUnavailableError: No try brought an answer.
        """
        for attempt in range(self.max_retries + 1):
            if attempt:
                await asyncio.sleep(pause_before(attempt, is_movable=False))
            lease = await self.pool.acquire(need)
            reply, evidence = await self._try(lease, call)
            if evidence is None:
                return reply
            verdict = judge(evidence)
            if verdict.retry is Retry.NEVER:
                return reply
            need = need_after(need, lease, verdict, is_movable=False)
        raise UpstreamUnavailableError

    async def _try(
        self, lease: Lease, call: Callable[[Lease], Awaitable[Reply]]
    ) -> tuple[Reply, Evidence | None]:
        """Make a call and settle its lease; return what came, and the evidence of a failure."""
        started_at = time.time()
        outcome, evidence = Outcome.ABANDONED, None
        try:
            reply = await call(lease)
            outcome = Outcome.SUCCEEDED
            if not reply.is_ok:
                evidence = answered(reply, Operation.READ)
        except UnansweredError as error:
            reply, evidence = Reply(503), unanswered(error, Operation.READ)
        finally:
            if evidence is not None:
                outcome = Outcome.FAILED
            with contextlib.suppress(ServiceError):
                await self.pool.settle(lease, outcome, started_at=started_at, evidence=evidence)
        return reply, evidence
