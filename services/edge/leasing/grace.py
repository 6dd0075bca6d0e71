"""Known good keys, for the time when the key pool is away."""

import time
import uuid
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import replace

from prometheus_client import Counter

from services.edge.leasing.lease import HeldKey, Need, Withdrawn
from services.judging import Effect, Verdict

_USES = Counter("edge_grace_uses_total", "Calls made with a known key while the pool was away.")

_KEYS_PER_MODEL = 4096
_MODELS = 256


class Grace:
    """Remembers the keys that leases brought, and rotates over them when there are none.

    Only keys that were good when last heard of are used, and only for a limited
    time after the pool was last heard of.
    """

    def __init__(self, seconds: float) -> None:
        """Limit the time without contact."""
        self._seconds = seconds
        self._contact = time.monotonic()
        self._known: OrderedDict[tuple[str, str], OrderedDict[str, HeldKey]] = OrderedDict()
        self._benched: dict[tuple[str, str], float] = {}

    def contact(self) -> None:
        """Note that the pool answered."""
        self._contact = time.monotonic()

    def remember(self, keys: Iterable[HeldKey]) -> None:
        """Note keys that the pool has just handed out."""
        for key in keys:
            self._remember(key)

    def _remember(self, key: HeldKey) -> None:
        place = (key.pool, key.model)
        keys = self._known.get(place)
        if keys is None:
            keys = self._known[place] = OrderedDict()
            if len(self._known) > _MODELS:
                self._known.popitem(last=False)
        if key.key_id not in keys:
            keys[key.key_id] = replace(key, lease_id="", use_by=float("inf"), not_before=0)
            if len(keys) > _KEYS_PER_MODEL:
                keys.popitem(last=False)
        elif self._benched:
            self._benched.pop((key.model, key.project_id), None)

    def forget(self, pool: str, withdrawn: Withdrawn) -> None:
        """Drop what the pool has withdrawn."""
        for (known_pool, _), keys in self._known.items():
            if known_pool != pool:
                continue
            for key_id in [key_id for key_id, key in keys.items() if withdrawn.covers(key)]:
                del keys[key_id]

    def note(self, key: HeldKey, verdict: Verdict) -> None:
        """Learn from a failure seen by this process."""
        if verdict.effect is Effect.KILL_KEY:
            for keys in self._known.values():
                keys.pop(key.key_id, None)
        elif verdict.effect is not Effect.NONE:
            wait = verdict.cool_for.total_seconds() if verdict.cool_for else 60.0
            self._benched[key.model, key.project_id] = time.monotonic() + wait

    def take(
        self, need: Need, excluded_projects: Collection[str], excluded_keys: Collection[str]
    ) -> HeldKey | None:
        """Return the known key used least recently, None when grace cannot help."""
        now = time.monotonic()
        if now - self._contact > self._seconds or need.resources:
            return None
        keys = self._known.get((need.pool, need.model)) or self._of_pool(need.pool)
        for key_id, key in keys.items():
            if key_id in excluded_keys or key.project_id in excluded_projects:
                continue
            if need.project and key.project_id != need.project:
                continue
            if self._benched.get((need.model, key.project_id), 0) > now:
                continue
            keys.move_to_end(key_id)
            _USES.inc()
            return replace(key, model=need.model)
        return None

    def _of_pool(self, pool: str) -> OrderedDict[str, HeldKey]:
        """Gather the keys known through other models."""
        found: OrderedDict[str, HeldKey] = OrderedDict()
        for (known_pool, _), keys in self._known.items():
            if known_pool == pool:
                found.update(keys)
        return found


def new_report_id() -> str:
    """Return what makes the report of one use idempotent."""
    return uuid.uuid4().hex
