"""How clients share the memory of uploads."""

import asyncio

from services.files.budget import Budget
from services.files.shares import Shares


async def test_a_client_with_many_writers_leaves_room_for_others() -> None:
    whole = Budget(8)
    shares = Shares(whole, 4)
    greedy, other = shares.of("greedy"), shares.of("other")
    await greedy.take(4)
    waiting = asyncio.create_task(shares.of("greedy").take(4))
    await asyncio.sleep(0)

    async with asyncio.timeout(1):
        await other.take(4)

    assert not waiting.done()
    greedy.give_back(4)
    assert await waiting == 4
    assert whole.used == 8


async def test_nothing_is_read_ahead_beyond_a_clients_part() -> None:
    whole = Budget(8)
    share = Shares(whole, 4).of("ada")

    assert share.take_spare(4)
    assert not share.take_spare(4)

    assert whole.used == 4


async def test_a_part_that_the_whole_does_not_have_is_not_taken() -> None:
    whole = Budget(6)
    shares = Shares(whole, 4)
    await shares.of("bob").take(4)
    ada = shares.of("ada")

    assert not ada.take_spare(4)
    assert ada.take_spare(2)


async def test_who_gives_up_waiting_holds_nothing() -> None:
    whole = Budget(4)
    shares = Shares(whole, 4)
    await shares.of("bob").take(4)
    ada = shares.of("ada")
    waiting = asyncio.create_task(ada.take(4))
    await asyncio.sleep(0)
    assert ada.is_contended

    waiting.cancel()
    await asyncio.wait({waiting})
    shares.of("bob").give_back(4)

    assert ada.take_spare(4)
