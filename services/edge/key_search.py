"""Finding a key for each try of one call, around everything that has failed it."""

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from services.edge import metrics
from services.edge.calls import Call
from services.edge.conversations import Conversations
from services.edge.leasing.desk import LeaseDesk
from services.edge.leasing.lease import Ending, HeldKey, Need, PoolAwayError, RefusedError
from services.edge.pools import PAID_POOL
from services.edge.resources.bringing import Bringing
from services.edge.resources.renaming import Renaming
from services.judging import Fault, Retry, Verdict

# What may be helped by bringing the call's files to another project.
_MOVABLE = {"RESOURCES_SPLIT", "OWNER_SPENT"}


@dataclass(slots=True)
class _Shunned:
    """What is not to be tried again."""

    projects: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


class KeySearch:
    """The keys of one call's tries, one after the other.

    Attributes:
        call: What goes upstream with the next key: the client's call, or the same with
            its files cited by the names of copies.
        renaming: Tells the client's names again in the answer; None when they are used.
        seconds: Time spent on getting keys.
    """

    def __init__(
        self, call: Call, desk: LeaseDesk, bringing: Bringing, conversations: Conversations
    ) -> None:
        """Prepare for the first try."""
        self.call = call
        self.renaming: Renaming | None = None
        self.seconds = 0.0
        self._own_call = call
        self._desk = desk
        self._bringing = bringing
        self._conversations = conversations
        self._noted: HeldKey | None = None
        self._count = 0
        self._patient_until = time.monotonic() + call.need.patience
        self._shunned = _Shunned()
        self._cooling = _Shunned()

    def repair(self, repair: Callable[[bytes], bytes | None]) -> bool:
        """Change the call's body; False when there was nothing to change."""
        own, sent = repair(self._own_call.body), repair(self.call.body)
        if own is None or sent is None:
            return False
        self._own_call = replace(self._own_call, body=own)
        self.call = replace(self.call, body=sent)
        return True

    def heard(self, key: HeldKey, answer: bytes) -> None:
        """Note whose key brought an answer, for the next request of its conversation."""
        if self._noted is key:
            return
        if self._conversations.note(self._own_call, key.project_id, answer):
            # A stream has many events, and the request may be long.
            self._noted = key

    def shun(self, key: HeldKey, verdict: Verdict) -> None:
        """Note that a try failed, so that the next one goes elsewhere."""
        if self.call.need.is_bound and verdict.fault in {Fault.UPSTREAM, Fault.EGRESS}:
            # There is no other project to try, and this one is not to blame.
            return
        # A quota's limit passes: such projects come back into question when waiting helps.
        shunned = self._cooling if verdict.fault is Fault.PROJECT_MODEL else self._shunned
        if verdict.retry is not Retry.REPAIRED:
            shunned.keys.add(key.key_id)
        if verdict.retry in {Retry.OTHER_PROJECT, Retry.OTHER_PROJECT_ONCE}:
            shunned.projects.add(key.project_id)

    async def next(self, ending: Ending | None) -> HeldKey:
        """Return a key of a project that has not failed; else wait for one at its limit.

        Args:
            ending: The failed lease that the key replaces: settled on the way.

        Raises:
            RefusedError: No key can serve the call now.
            PoolAwayError: The pool is away and no key is known.
        """
        begun = time.perf_counter()
        try:
            return await self._find(ending)
        finally:
            self._count += 1
            seconds = time.perf_counter() - begun
            self.seconds += seconds
            metrics.lease_waited(seconds)

    async def _find(self, ending: Ending | None) -> HeldKey:
        if self.call.need.prefers_paid and (key := await self._paid(ending)):
            return key
        if not self._count and (key := await self._where_it_began()):
            return key
        cooling = self._cooling
        try:
            return await self._desk.take(
                self._need(self.call),
                excluded_projects=self._shunned.projects | cooling.projects,
                excluded_keys=self._shunned.keys | cooling.keys,
                ending=ending,
            )
        except RefusedError as refusal:
            if refusal.reason in _MOVABLE and self.call.cited:
                key = await self._elsewhere(refusal, ending)
                if key is not None:
                    return key
            if not cooling.keys:
                raise
            self._cooling = _Shunned()
        # The ending goes along again, which settles nothing twice: it tells that this request
        # is no further one of its client.
        return await self._desk.take(
            self._need(self.call),
            excluded_projects=self._shunned.projects,
            excluded_keys=self._shunned.keys,
            ending=ending,
        )

    async def _where_it_began(self) -> HeldKey | None:
        """Return a key of the project that the conversation began at, None without a free one."""
        need = self.call.need
        project = self._conversations.take(need.affinity)
        if not project or need.is_bound:
            return None
        try:
            return await self._desk.take(
                replace(need, project=project, patience=0), knows_others=True
            )
        except (RefusedError, PoolAwayError):
            return None

    async def _paid(self, ending: Ending | None) -> HeldKey | None:
        """Return a paid key, None without a free one; what is cited binds to its own project."""
        need = self.call.need
        if need.is_bound:
            return None
        try:
            return await self._desk.take(
                replace(need, pool=PAID_POOL, patience=0),
                excluded_projects=self._shunned.projects | self._cooling.projects,
                excluded_keys=self._shunned.keys | self._cooling.keys,
                ending=ending,
                knows_others=True,
            )
        except (RefusedError, PoolAwayError):
            return None

    async def _elsewhere(self, refusal: RefusedError, ending: Ending | None) -> HeldKey | None:
        """Return a key of a project in which the call's files can be cited, None without one.

        Raises:
            RefusedError: There is such a project, and it has no key now either.
            ApiError: The call cites things that lie apart and cannot be brought together.
        """
        shunned = self._shunned.projects | self._cooling.projects
        last: RefusedError | None = None
        async with aclosing(self._bringing.elsewhere(self._own_call, refusal, shunned)) as calls:
            async for call, renaming in calls:
                try:
                    key = await self._desk.take(
                        self._need(call),
                        excluded_keys=self._shunned.keys | self._cooling.keys,
                        ending=ending,
                    )
                except RefusedError as error:
                    last = error
                    continue
                self.call, self.renaming = call, renaming
                return key
        if last is not None and refusal.reason == "RESOURCES_SPLIT":
            raise last
        return None

    def _need(self, call: Call) -> Need:
        """Return what is needed, with the patience that is left after earlier tries."""
        need = call.need
        if not self._count or not need.patience:
            return need
        return replace(need, patience=max(0.0, self._patient_until - time.monotonic()))
