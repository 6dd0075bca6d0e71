import asyncio
from collections import deque
from collections.abc import Callable

import pytest

from services.edge.leasing.lease import Grant, HeldKey, PoolAwayError, RefusedError, Withdrawn
from services.edge.leasing.stock import Stock


class FakePool:
    """Grants numbered leases in order, in blocks that the test lets through."""

    def __init__(self, *, stock_size: int = 256, supply: int = 10_000) -> None:
        self.stock_size = stock_size
        self.supply = supply
        self.granted = 0
        self.asked: list[int] = []
        self.given_back: list[str] = []
        self.running = 0
        self.failures: deque[Exception] = deque()

    async def acquire(self, count: int, hold: float) -> Grant:
        self.asked.append(count)
        self.running += 1
        assert self.running == 1, "only one block may be on its way"
        await asyncio.sleep(0)
        self.running -= 1
        if self.failures:
            raise self.failures.popleft()
        count = min(count, self.supply - self.granted)
        use_by = asyncio.get_running_loop().time() + hold if hold else float("inf")
        keys = [lease(self.granted + n, use_by) for n in range(count)]
        self.granted += count
        refusal = None if keys else RefusedError("QUOTA", "spent", 7.0)
        return Grant(keys, Withdrawn(), self.stock_size, refusal)

    def give_back(self, key: HeldKey) -> None:
        self.given_back.append(key.lease_id)


def lease(number: int, use_by: float = float("inf")) -> HeldKey:
    return HeldKey(str(number), "k", "k", "p", "secret", "m", "default", use_by=use_by)


def stock_over(pool: FakePool) -> Stock:
    return Stock(pool.acquire, pool.give_back)


async def test_leases_are_used_in_the_order_of_their_grant() -> None:
    pool = FakePool()
    stock = stock_over(pool)

    taken = []
    for _ in range(50):
        burst = await asyncio.gather(*(stock.take() for _ in range(17)))
        taken += [int(key.lease_id) for key in burst]

    assert taken == sorted(taken)
    assert len(set(taken)) == len(taken)


async def test_a_burst_shares_round_trips() -> None:
    pool = FakePool()
    stock = stock_over(pool)

    await asyncio.gather(*(stock.take() for _ in range(200)))

    assert len(pool.asked) <= 5
    assert max(pool.asked) <= 256


async def test_a_pool_that_allows_no_stock_gets_none() -> None:
    pool = FakePool(stock_size=0)
    stock = stock_over(pool)

    for _ in range(5):
        await asyncio.gather(*(stock.take() for _ in range(20)))

    assert len(stock) == 0
    assert pool.granted == 100


async def test_a_refusal_reaches_all_who_wait() -> None:
    pool = FakePool(supply=3)
    stock = stock_over(pool)

    results = await asyncio.gather(*(stock.take() for _ in range(10)), return_exceptions=True)

    refused = [result for result in results if isinstance(result, RefusedError)]
    assert len(refused) == 7
    assert {error.retry_after for error in refused} == {7.0}
    assert len({id(error) for error in refused}) == 7, "tracebacks are not shared"


@pytest.mark.parametrize("failure", [PoolAwayError("away"), ValueError("a bug")])
async def test_a_failure_reaches_all_who_wait_and_the_next_try_works(failure: Exception) -> None:
    pool = FakePool()
    pool.failures.append(failure)
    stock = stock_over(pool)
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)

    results = await asyncio.gather(*(stock.take() for _ in range(4)), return_exceptions=True)

    assert all(isinstance(result, PoolAwayError) for result in results)
    assert (await stock.take()).lease_id


async def test_a_lease_for_somebody_who_left_goes_to_the_next() -> None:
    pool = FakePool()
    stock = stock_over(pool)
    leaver = asyncio.create_task(stock.take())
    stayer = asyncio.create_task(stock.take())
    await asyncio.sleep(0)
    leaver.cancel()

    assert (await stayer).lease_id == "0"
    with pytest.raises(asyncio.CancelledError):
        await leaver
    follower = await stock.take()
    stock.close()
    used = {0, int(follower.lease_id)} | {int(number) for number in pool.given_back}
    assert used == set(range(pool.granted)), "no lease is lost"


@pytest.mark.parametrize(
    "withdraw",
    [lambda key: True, lambda key: int(key.lease_id) % 2 == 0],
    ids=["everything", "every second"],
)
async def test_withdrawn_stock_is_given_back(withdraw: Callable[[HeldKey], bool]) -> None:
    pool = FakePool()
    stock = stock_over(pool)
    await fill(stock)
    before = len(stock)

    stock.drop(withdraw)

    assert before - len(stock) == len(pool.given_back) > 0
    assert not any(withdraw(lease(int(number))) is False for number in pool.given_back)


async def fill(stock: Stock) -> None:
    """Ask at a rate that makes the stock keep some leases."""
    for _ in range(100):
        await asyncio.gather(*(stock.take() for _ in range(32)))
        if len(stock):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no stock was kept")
