"""What the key pool knows of quota when its store has forgotten everything.

A store that lost its data would let each project use its minute, and its day,
anew. So each process remembers what the store said of the projects that it
granted limited leases of, and tells it to a store that begins anew before any
key is put there. Every process does so; the store keeps the highest of all.
"""

import asyncio
import contextlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.keypool import metrics
from services.kit.errors import StoreUnavailableError
from services.kit.logs import get_logger

log = get_logger(__name__)

OTHERS_SECONDS = 3.0
"""How long a store that lost its data is left without keys, so that all processes can tell what
they know. Three looks: one of them may come late on a busy machine."""

_PLACES = 50_000
_TELL = 500
_TEACH = 100
"""So many places at once: the store does nothing else meanwhile."""


class Place(NamedTuple):
    """One project as seen by one model."""

    pool: str
    model: str
    project_id: str


class Charge(NamedTuple):
    """What one lease was charged: ms since 1970, tokens."""

    first: int
    last: int
    tokens: int
    day_end: int


@dataclass(slots=True)
class Memory:
    """What is known of a place.

    Attributes:
        packed: Its state as the store last told it; empty when it did not yet.
        tier: The tier of the project.
        charges: Leases granted since then.
    """

    packed: bytes = b""
    tier: str = ""
    charges: list[Charge] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Declared:
    """The declared limits of a pool: their version, 0 when there never were any, and rows."""

    version: int = 0
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What a store tells of a pool: its declared limits, and for each place state and tier."""

    declared: Declared
    states: Sequence[tuple[bytes, str]]


@dataclass(frozen=True, slots=True)
class Sign:
    """What tells one set of data from another.

    Attributes:
        epoch: Names the data; empty in a store that holds none, or has lost a part of them.
        age: Seconds since the data began.
        is_seeded: Whether the settings are in the store.
        stale: The name of the data of which a part was lost.
    """

    epoch: str
    age: float
    is_seeded: bool
    stale: str = ""


class MemoryStore(Protocol):
    """The store as seen by what remembers it. Raises `StoreUnavailableError`."""

    async def read_sign(self) -> Sign:
        """Return the sign of the data."""
        ...

    async def begin(self, epoch: str, stale: str) -> Sign:
        """Name the data unless they have a name, and return their sign.

        Args:
            epoch: The name: anything, `@`, and the time in seconds since 1970.
            stale: A name that does not count, see `Sign`.
        """
        ...

    async def tell(self, pool: str, known_version: int, places: Sequence[Place]) -> Told:
        """Tell what would be missing if it were lost; no rows when the version is known."""
        ...

    async def relearn(
        self, pool: str, declared: Declared, memories: Mapping[Place, Memory]
    ) -> None:
        """Take in what is remembered. What the store knows is only ever raised by it."""
        ...


class Relearner:
    """Remembers what the store knows, and finds out when it has forgotten."""

    def __init__(
        self, store: MemoryStore, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Work on a store; how to sleep is for tests to choose."""
        self._store = store
        self._sleep = sleep
        self._epoch = ""
        self._memories: OrderedDict[Place, Memory] = OrderedDict()
        self._declared: dict[str, Declared] = {}
        self._fresh: set[Place] = set()
        self._is_doubted = False
        self._wake = asyncio.Event()

    def note(self, place: Place, charge: Charge) -> None:
        """Remember a lease that was granted under a limit."""
        self.touch(place).charges.append(charge)

    def touch(self, place: Place) -> Memory:
        """Remember a place of which the store has something to tell that is new."""
        memory = self._memories.get(place)
        if memory is None:
            memory = self._memories[place] = Memory()
            if len(self._memories) > _PLACES:
                self._fresh.discard(self._memories.popitem(last=False)[0])
        else:
            self._memories.move_to_end(place)
        self._fresh.add(place)
        return memory

    async def sure(self) -> None:
        """Return when the store can be believed that it does not have something.

        Raises:
            StoreUnavailableError: It lost its data, or was never filled.
        """
        self.check()
        sign = await self._store.read_sign()
        if not sign.is_seeded or sign.epoch != self._epoch:
            self._is_doubted = True
            self._wake.set()
            self.check()

    def check(self) -> None:
        """Return unless the store was found wanting and not filled since.

        Raises:
            StoreUnavailableError: It was.
        """
        if self._is_doubted:
            raise StoreUnavailableError("the store is being filled")

    def believe(self) -> None:
        """Note that the store has been filled."""
        self._is_doubted = False

    async def wait(self, seconds: float) -> None:
        """Return when the store is found wanting, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def look(self) -> str:
        """Remember what the store knows; teach it when it has forgotten.

        Returns:
            The name of the data, once they may be filled from the settings.

        Raises:
            StoreUnavailableError: It does not answer.
        """
        sign = await self._store.read_sign()
        if sign.epoch and sign.epoch == self._epoch:
            await self._remember()
            return self._epoch
        if self._epoch:
            log.warning("the store has lost its data", limited=len(self._memories))
            metrics.LOSSES.inc()
            await self._teach()
        epoch = f"{secrets.token_hex(8)}@{time.time():.3f}"
        sign = await self._store.begin(epoch, sign.stale)
        if (self._epoch or sign.epoch != epoch) and not sign.is_seeded:
            # Other processes may still have something to tell.
            await self._sleep(max(0.0, OTHERS_SECONDS - sign.age))
        self._epoch = sign.epoch
        return self._epoch

    async def _remember(self) -> None:
        fresh, self._fresh = self._fresh, set()
        try:
            for pool, places in _by_pool(fresh).items():
                for first in range(0, len(places), _TELL):
                    batch = places[first : first + _TELL]
                    await self._ask(pool, batch)
                    fresh.difference_update(batch)
        finally:
            self._fresh |= fresh

    async def _ask(self, pool: str, places: Sequence[Place]) -> None:
        # What was granted before the question is in the answer; what comes later may be.
        asked = {
            place: len(memory.charges)
            for place in places
            if (memory := self._memories.get(place)) is not None
        }
        known = self._declared.get(pool, Declared())
        told = await self._store.tell(pool, known.version, places)
        if told.declared.version > known.version:
            self._declared[pool] = told.declared
        for place, (packed, tier) in zip(places, told.states, strict=True):
            memory = self._memories.get(place)
            # A store that was emptied this very moment has nothing to teach us.
            if memory is not None and place in asked and packed:
                memory.packed, memory.tier = packed, tier
                del memory.charges[: asked[place]]
                metrics.REMEMBERED.inc()

    async def _teach(self) -> None:
        for pool, places in _by_pool(self._memories).items():
            for first in range(0, len(places), _TEACH):
                batch = {place: self._memories[place] for place in places[first : first + _TEACH]}
                await self._store.relearn(pool, self._declared.get(pool, Declared()), batch)


def _by_pool(places: Mapping[Place, Memory] | set[Place]) -> dict[str, list[Place]]:
    by_pool: dict[str, list[Place]] = {}
    for place in places:
        by_pool.setdefault(place.pool, []).append(place)
    return by_pool
