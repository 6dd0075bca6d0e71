"""Finding a key for each try of one call, around everything that has failed it."""

import time
from dataclasses import dataclass, field, replace

from services.edge.calls import Call
from services.edge.leasing.desk import LeaseDesk
from services.edge.leasing.lease import Ending, HeldKey, Need, RefusedError
from services.judging import Fault, Retry, Verdict


@dataclass(slots=True)
class _Shunned:
    """What is not to be tried again."""

    projects: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


class KeySearch:
    """The keys of one call's tries, one after the other.

    Attributes:
        call: What goes upstream with the next key.
        seconds: Time spent on getting keys.
    """

    def __init__(self, call: Call, desk: LeaseDesk) -> None:
        """Prepare for the first try."""
        self.call = call
        self.seconds = 0.0
        self._desk = desk
        self._count = 0
        self._patient_until = time.monotonic() + call.need.patience
        self._shunned = _Shunned()
        self._cooling = _Shunned()

    def shun(self, key: HeldKey, verdict: Verdict) -> None:
        """Note that a try failed, so that the next one goes elsewhere."""
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
            self.seconds += time.perf_counter() - begun

    async def _find(self, ending: Ending | None) -> HeldKey:
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
            self._cooling = _Shunned()
        return await self._desk.take(
            self._need(),
            excluded_projects=self._shunned.projects,
            excluded_keys=self._shunned.keys,
        )

    def _need(self) -> Need:
        """Return what is needed, with the patience that is left after earlier tries."""
        need = self.call.need
        if not self._count or not need.patience:
            return need
        return replace(need, patience=max(0.0, self._patient_until - time.monotonic()))
