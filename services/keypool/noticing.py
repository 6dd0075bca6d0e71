"""What outcomes tell about projects and ways out, followed up outside of the hot path."""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from services.judging import project_number
from services.keypool.comparing import Comparing, Likeness
from services.keypool.egress_health import EGRESS_RULES, EgressHealth
from services.keypool.identity import Identity
from services.keypool.model import Settlement
from services.keypool.project_store import Origin, ProjectStore
from services.keypool.projects import Projects
from services.keypool.store import KeyStore, OutcomeRow
from services.kit.errors import ServiceError
from services.kit.logs import get_logger

log = get_logger(__name__)

NEAR = timedelta(seconds=2)
"""Refusals this near in time are together."""

APART = timedelta(seconds=20)
"""A minute's limit refuses several requests in a row: only so far apart they count as two."""

ENOUGH = 2
"""So often must two projects be refused together before they are compared."""

PAUSE = timedelta(days=1)
"""A pair is compared once in that time."""

_MOST = 1_000
_PROBE_EVERY_SECONDS = 0.25
_COUNTED_RULES = frozenset({"quota.minute", "quota.tokens", "quota.day", "quota.unnamed"})


@dataclass(frozen=True, slots=True)
class _Notice:
    row: OutcomeRow
    number: str
    is_refusal: bool


class Noticing:
    """Merges projects that outcomes show to be one, and avoids ways out that are not served.

    What waits is bounded: what does not fit is dropped, for it will be told again.
    """

    def __init__(
        self,
        store: ProjectStore,
        projects: Projects,
        identity: Identity,
        comparing: Comparing,
        *,
        keys: KeyStore,
        egress: EgressHealth,
        compares: bool,
    ) -> None:
        """Work on projects.

        Args:
            store: Keeps what was seen.
            projects: Merges.
            identity: Makes digests of project numbers, which are kept secret.
            comparing: Compares keys at the upstream.
            keys: The keys, for the way out that each takes.
            egress: Is told of ways out that the upstream does not serve.
            compares: Whether to compare projects that are refused together.
        """
        self._store = store
        self._projects = projects
        self._identity = identity
        self._comparing = comparing
        self._keys = keys
        self._egress = egress
        self._compares = compares
        self._waiting: deque[_Notice] = deque()
        self._has_more = asyncio.Event()

    def note(self, settlement: Settlement, row: OutcomeRow) -> None:
        """Take note of an outcome; returns at once."""
        evidence = settlement.evidence
        if evidence is None or len(self._waiting) >= _MOST:
            return
        is_told = evidence.status in {403, 429}
        number = (project_number(evidence.body) if is_told else None) or ""
        is_refusal = self._compares and row.rule_id in _COUNTED_RULES and bool(row.project_id)
        if number or is_refusal or row.rule_id in EGRESS_RULES:
            self._waiting.append(_Notice(row, number, is_refusal))
            self._has_more.set()

    async def run(self) -> None:
        """Follow up what was noted, until cancelled."""
        while True:
            await self._has_more.wait()
            if not self._waiting:
                self._has_more.clear()
                continue
            notice = self._waiting.popleft()
            try:
                await self._follow_up(notice)
            except ServiceError as error:
                # The store is away or not set up; the next outcome tells the same.
                log.warning("an outcome was not followed up", problem=error.message)

    async def _follow_up(self, notice: _Notice) -> None:
        row = notice.row
        if notice.number:
            digest = self._identity.number_digest(notice.number)
            pair = await self._store.tell_number(row.pool, row.key_id, digest)
            if pair is not None:
                reason = "the upstream has one project number for both"
                await self._projects.merge_by_evidence(row.pool, *pair, Origin.NUMBER, reason)
        if notice.is_refusal:
            await self._compare_refused(row)
        if row.rule_id in EGRESS_RULES and (key := await self._keys.get(row.key_id)):
            await self._egress.blame(key, row.rule_id)

    async def _compare_refused(self, row: OutcomeRow) -> None:
        project, others = await self._store.note_refusal(
            row.pool,
            row.project_id,
            row.model,
            near=NEAR,
            apart=APART,
            enough=ENOUGH,
            pause=PAUSE,
        )
        for other in others:
            await self._compare(row.pool, other, project)
            await asyncio.sleep(_PROBE_EVERY_SECONDS)

    async def _compare(self, pool: str, other: str, project: str) -> None:
        found = await self._store.get_many(pool, [other, project])
        if len(found) == 2 and await self._comparing.compare(*found) is Likeness.SAME:
            reason = "a file made with one was read with the other"
            await self._projects.merge_by_evidence(pool, other, project, Origin.PROBE, reason)
