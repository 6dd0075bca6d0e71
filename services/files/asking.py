"""Calls about files, each with a key of the project in which the file lies."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from services.files.errors import UpstreamUnavailableError
from services.files.leases import KeyPool, Lease, Need, Outcome
from services.files.retrying import acquire, answered, need_after, pause_before, unanswered
from services.files.sessions import Reply, UnansweredError
from services.judging import Evidence, Operation, Retry, judge
from services.kit.errors import ServiceError

T = TypeVar("T")


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
            lease = await acquire(self.pool, need)
            reply, evidence = await self._try(lease, call)
            if evidence is None:
                return reply
            verdict = judge(evidence)
            if verdict.retry is Retry.NEVER:
                return reply
            need = need_after(need, lease, verdict, is_movable=False)
        raise UpstreamUnavailableError

    async def open(
        self, need: Need, call: Callable[[Lease], Awaitable[T | Reply]]
    ) -> tuple[Lease, float, T] | Reply:
        """Open what takes long to read, with another key if one was to blame.

        Returns:
            The lease, which its reader settles, when it came into use, and what was opened;
            or Google's refusal.

        Raises:
            NoKeyError: The project has no key for it now.
            UpstreamUnavailableError: No try brought an answer.
        """
        for attempt in range(self.max_retries + 1):
            if attempt:
                await asyncio.sleep(pause_before(attempt, is_movable=False))
            lease, started_at = await acquire(self.pool, need), time.time()
            outcome: Outcome | None = Outcome.ABANDONED
            evidence: Evidence | None = None
            found: T | Reply = Reply(503)
            try:
                found = await call(lease)
                if not isinstance(found, Reply):
                    outcome = None
                    return lease, started_at, found
                evidence = answered(found, Operation.READ)
            except UnansweredError as error:
                evidence = unanswered(error, Operation.READ)
            finally:
                if outcome is not None:
                    await self._settle(lease, outcome, started_at, evidence)
            assert evidence is not None
            verdict = judge(evidence)
            if verdict.retry is Retry.NEVER:
                assert isinstance(found, Reply)
                return found
            need = need_after(need, lease, verdict, is_movable=False)
        raise UpstreamUnavailableError

    async def _settle(
        self, lease: Lease, outcome: Outcome, started_at: float, evidence: Evidence | None
    ) -> None:
        if evidence is not None:
            outcome = Outcome.FAILED
        with contextlib.suppress(ServiceError):
            await self.pool.settle(lease, outcome, started_at=started_at, evidence=evidence)

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
            await self._settle(lease, outcome, started_at, evidence)
        return reply, evidence
