"""How many keys and projects are of use, counted for people at a pace that costs nothing."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.keypool import metrics
from services.keypool.store import KeyStore
from services.kit.errors import StoreUnavailableError

MOST_MODELS = 50
"""So many models of a pool are shown, those first that have been in use for longest."""

OTHER_POOLS = "other"

_MOST_POOLS = 50
_KEYS_A_STEP = 200
_STEP_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a pool's keys, and its projects.

    Attributes:
        after: The last key looked at, empty at the end.
        keys: State -> how many of the keys looked at.
        projects: All projects with a key in use.
        waiting: Model -> how many projects have to wait before they can serve it.
    """

    after: str
    keys: Mapping[str, int]
    projects: int
    waiting: Mapping[str, int]


class CensusStore(Protocol):
    """Counts a pool."""

    async def count(self, pool: str, after: str, limit: int) -> Page:
        """Count the next `limit` keys after an id, and the projects. Changes nothing."""
        ...


class Census:
    """Counts all pools, a few keys at a time, and shows what it has found as metrics."""

    def __init__(self, store: CensusStore, keys: KeyStore) -> None:
        """Work on stores."""
        self._store = store
        self._keys = keys

    async def watch(self, seconds: float) -> None:
        """Count again and again, with a pause in between, until cancelled."""
        while True:
            # What was found last stands until the store is back.
            with contextlib.suppress(StoreUnavailableError):
                await self.take()
            await asyncio.sleep(seconds)

    async def take(self) -> None:
        """Count once, and show it."""
        keys: Counter[tuple[str, str]] = Counter()
        projects: Counter[str] = Counter()
        waiting: Counter[tuple[str, str]] = Counter()
        for place, pool in enumerate(await self._keys.pools()):
            name = pool if place < _MOST_POOLS else OTHER_POOLS
            page = None
            while page is None or page.after:
                if page is not None:
                    await asyncio.sleep(_STEP_SECONDS)
                page = await self._store.count(pool, page.after if page else "", _KEYS_A_STEP)
                keys.update({(name, state): count for state, count in page.keys.items()})
            projects[name] += page.projects
            if name != OTHER_POOLS:
                waiting.update({(name, model): count for model, count in page.waiting.items()})
        _show(keys, projects, waiting)


def _show(
    keys: Mapping[tuple[str, str], int],
    projects: Mapping[str, int],
    waiting: Mapping[tuple[str, str], int],
) -> None:
    for gauge in (metrics.KEYS, metrics.PROJECTS, metrics.PROJECTS_WAITING):
        # Pools and models come and go.
        gauge.clear()
    for (pool, state), count in keys.items():
        metrics.KEYS.labels(pool, state).set(count)
    for pool, count in projects.items():
        metrics.PROJECTS.labels(pool).set(count)
    for (pool, model), count in waiting.items():
        metrics.PROJECTS_WAITING.labels(pool, model or "none").set(count)
