"""What is remembered of quota, and when it is told."""

from collections.abc import Mapping, Sequence

import pytest

from services.keypool import relearning
from services.keypool.relearning import Charge, Declared, Memory, Place, Relearner, Sign, Told
from services.kit.errors import StoreUnavailableError

HERE, THERE = Place("default", "m", "p1"), Place("other", "m", "p2")
FIRST, SECOND = Charge(1, 1, 10, 99), Charge(2, 2, 20, 99)


class Store:
    """A store as plain as can be; empty when `epoch` is."""

    def __init__(self) -> None:
        self.epoch = ""
        self.seeded = ""
        self.is_away = False
        self.states: dict[Place, bytes] = {}
        self.declared = Declared()
        self.taught: dict[Place, Memory] = {}
        self.asked: list[Place] = []
        self.begun_by: str | None = None

    def empty(self) -> None:
        self.epoch, self.seeded = "", ""
        self.states.clear()
        self.declared = Declared()

    async def read_sign(self) -> Sign:
        self._answer()
        return Sign(self.epoch, 0.0, is_seeded=bool(self.epoch) and self.seeded == self.epoch)

    async def begin(self, epoch: str, stale: str) -> Sign:
        self._answer()
        self.epoch = self.begun_by or self.epoch or epoch
        return await self.read_sign()

    async def tell(self, pool: str, known_version: int, places: Sequence[Place]) -> Told:
        self._answer()
        self.asked += places
        return Told(self.declared, [(self.states.get(place, b""), "tier") for place in places])

    async def relearn(
        self, pool: str, declared: Declared, memories: Mapping[Place, Memory]
    ) -> None:
        self._answer()
        self.taught |= memories

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailableError("away")


@pytest.fixture
def waits() -> list[float]:
    """What was waited, had it been waited for."""
    return []


@pytest.fixture
def store() -> Store:
    return Store()


def relearner_of(store: Store, waits: list[float]) -> Relearner:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    return Relearner(store, sleep=sleep)


@pytest.fixture
async def relearner(store: Store, waits: list[float]) -> Relearner:
    """One that knows the data."""
    relearner = relearner_of(store, waits)
    store.seeded = await relearner.look()
    return relearner


async def test_a_store_that_was_never_filled_is_not_waited_for(
    store: Store, waits: list[float]
) -> None:
    epoch = await relearner_of(store, waits).look()

    assert epoch == store.epoch
    assert waits == []


async def test_one_that_another_process_has_just_named_is_left_time(
    store: Store, waits: list[float]
) -> None:
    store.begun_by = "theirs@1"

    assert await relearner_of(store, waits).look() == "theirs@1"
    assert waits == [relearning.OTHERS_SECONDS]


async def test_what_was_granted_is_asked_about_once(relearner: Relearner, store: Store) -> None:
    store.states[HERE] = b"state"
    relearner.note(HERE, FIRST)

    await relearner.look()
    await relearner.look()

    assert store.asked == [HERE]


async def test_a_store_that_lost_its_data_is_told_states_and_later_charges(
    relearner: Relearner, store: Store, waits: list[float]
) -> None:
    store.states[HERE] = b"state"
    relearner.note(HERE, FIRST)
    await relearner.look()
    relearner.note(HERE, SECOND)
    relearner.note(THERE, FIRST)

    store.empty()
    epoch = await relearner.look()

    assert store.taught == {
        HERE: Memory(b"state", "tier", [SECOND]),
        THERE: Memory(b"", "", [FIRST]),
    }
    assert epoch == store.epoch
    assert waits == [relearning.OTHERS_SECONDS]


async def test_a_store_emptied_while_it_is_asked_makes_nobody_forget(
    relearner: Relearner, store: Store
) -> None:
    store.states[HERE] = b"state"
    store.declared = Declared(5, (("p/p1/m", "{}"),))
    relearner.note(HERE, FIRST)
    await relearner.look()
    relearner.note(HERE, SECOND)

    epoch = store.epoch
    store.empty()
    store.epoch = epoch
    await relearner.look()
    store.empty()
    await relearner.look()

    assert store.taught == {HERE: Memory(b"state", "tier", [SECOND])}


async def test_what_could_not_be_asked_is_asked_again(relearner: Relearner, store: Store) -> None:
    store.states[HERE] = b"state"
    relearner.note(HERE, FIRST)
    read_sign = store.read_sign

    async def then_away() -> Sign:
        sign = await read_sign()
        store.is_away = True
        return sign

    store.read_sign = then_away  # type: ignore[method-assign]  # it leaves between two calls
    with pytest.raises(StoreUnavailableError):
        await relearner.look()
    store.read_sign = read_sign  # type: ignore[method-assign]
    store.is_away = False
    await relearner.look()

    assert store.asked == [HERE]


async def test_only_the_places_used_last_are_remembered(
    relearner: Relearner, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relearning, "_PLACES", 2)
    places = [HERE, THERE, Place("default", "m", "p3")]
    for place in (HERE, THERE, HERE, places[2]):
        relearner.note(place, FIRST)

    store.empty()
    await relearner.look()

    assert set(store.taught) == {HERE, places[2]}


class TestSure:
    async def test_a_filled_store_can_be_believed(self, relearner: Relearner) -> None:
        await relearner.sure()
        relearner.check()

    async def test_a_store_found_wanting_is_not_asked_until_it_is_filled(
        self, relearner: Relearner, store: Store
    ) -> None:
        store.empty()

        with pytest.raises(StoreUnavailableError):
            await relearner.sure()
        with pytest.raises(StoreUnavailableError):
            relearner.check()
        # Woken at once: this would time out otherwise.
        await relearner.wait(100)
        store.seeded = await relearner.look()
        relearner.believe()

        await relearner.sure()
        relearner.check()

    async def test_data_that_were_not_seeded_to_the_end_are_not_believed(
        self, relearner: Relearner, store: Store
    ) -> None:
        before = store.seeded
        store.empty()
        await relearner.look()
        store.seeded = before

        with pytest.raises(StoreUnavailableError):
            await relearner.sure()
