"""Memory is shared in order, never twice, and always given back."""

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from services.files.budget import Budget
from tests.support.virtual_time import run_virtually

SIZE = 10


@dataclass(frozen=True)
class Use:
    """One holder.

    Attributes:
        arrives: When it asks, in seconds.
        size: How much it asks for.
        holds: How long it keeps its share.
        patience: It leaves when it has not got its share after so long; None for never.
        more: It takes so much more, if it is free.
        changes_to: It changes its share to so much; None for not at all.
    """

    arrives: int
    size: int
    holds: int
    patience: int | None
    more: int
    changes_to: int | None


USES = st.lists(
    st.builds(
        Use,
        arrives=st.integers(0, 10),
        size=st.integers(1, SIZE + 3),
        holds=st.integers(0, 5),
        patience=st.none() | st.integers(0, 8),
        more=st.integers(0, SIZE),
        changes_to=st.none() | st.integers(0, SIZE + 3),
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(USES)
def test_shares_are_exclusive_come_in_order_and_go_back(uses: list[Use]) -> None:
    budget = Budget(SIZE)
    held: dict[int, int] = {}
    asked: list[int] = []
    served: dict[int, float] = {}

    async def use(number: int, what: Use) -> None:
        await asyncio.sleep(what.arrives)
        asked.append(number)
        try:
            async with asyncio.timeout(what.patience):
                share = await budget.take(what.size)
        except TimeoutError:
            asked.remove(number)
            return
        assert share == what.size
        served[number] = asyncio.get_running_loop().time()
        held[number] = share
        if what.more and budget.take_spare(what.more):
            held[number] += what.more
        await asyncio.sleep(what.holds)
        if what.changes_to is not None:
            budget.change_share(held[number], what.changes_to)
            held[number] = what.changes_to
        budget.give_back(held.pop(number))

    async def watch() -> None:
        for second in range(100):
            # Everything happens at whole seconds; between them nobody is on the way.
            await asyncio.sleep(second + 0.5 - asyncio.get_running_loop().time())
            assert budget.used == sum(held.values())
            # Beyond what there is goes only one that is larger, alone.
            assert budget.used <= SIZE or len(held) == 1

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(watch())
            for number, what in enumerate(uses):
                group.create_task(use(number, what))

    # It raises when everybody waits for something that never comes.
    run_virtually(run())

    assert (budget.used, budget.is_contended, held) == (0, False, {})
    times = [served[number] for number in asked]
    assert times == sorted(times), "first come, first served"


async def test_a_spare_share_is_not_taken_before_those_who_wait() -> None:
    budget = Budget(SIZE)
    await budget.take(6)
    waiting = asyncio.create_task(budget.take(6))
    await asyncio.sleep(0)

    assert budget.is_contended
    assert not budget.take_spare(1)

    budget.give_back(6)
    assert await waiting == 6
    assert budget.take_spare(4)
    assert not budget.take_spare(1)


async def test_who_leaves_the_queue_holds_nobody_up() -> None:
    budget = Budget(SIZE)
    await budget.take(8)
    large, small = (asyncio.create_task(budget.take(size)) for size in (9, 2))
    await asyncio.sleep(0)

    large.cancel()

    assert await small == 2
    assert budget.used == SIZE


async def test_a_share_that_comes_to_who_has_left_goes_back() -> None:
    budget = Budget(SIZE)
    await budget.take(SIZE)
    late = asyncio.create_task(budget.take(4))
    await asyncio.sleep(0)

    budget.give_back(SIZE)
    late.cancel()
    await asyncio.wait({late})

    assert budget.used == 0
