"""Keys that are held for long."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

from services.edge.leasing.holding import Holdings
from services.edge.leasing.lease import HeldKey, PoolAwayError, Withdrawn
from services.edge.leasing.link import PoolLink
from tests.support.virtual_time import run_virtually

LEASE_SECONDS = 90.0


class Pool:
    """A key pool that renews as it is told, and notes when it was asked."""

    def __init__(self, *answers: bool | None) -> None:
        self._answers = list(answers)
        self.renewed_at: list[float] = []
        self.looked: list[str] = []

    async def renew(self, _key: HeldKey) -> bool:
        self.renewed_at.append(asyncio.get_running_loop().time())
        answer = self._answers.pop(0) if self._answers else False
        if answer is None:
            raise PoolAwayError("away")
        return answer

    async def look(self, pool: str) -> None:
        self.looked.append(pool)
        raise PoolAwayError("away")


def held(lease_id: str = "1/a") -> HeldKey:
    return HeldKey(lease_id, "k1", "one", "p1", "secret", "m", "pool")


def run(pool: Pool, work: Any) -> Any:
    holdings = Holdings(cast("PoolLink", pool), LEASE_SECONDS)
    main: Coroutine[Any, Any, Any] = work(holdings)
    return run_virtually(main)


def test_a_lease_is_renewed_until_it_has_lapsed() -> None:
    pool = Pool(True, True, False)

    run(pool, lambda holdings: holdings.until_lost(held()))

    assert pool.renewed_at == [30, 60, 90]


def test_a_pool_that_is_away_is_asked_again_soon() -> None:
    pool = Pool(None, None, True, False)

    run(pool, lambda holdings: holdings.until_lost(held()))

    assert pool.renewed_at == [30, 32, 34, 64]


def test_a_withdrawn_key_is_lost_and_others_are_not() -> None:
    async def main(holdings: Holdings) -> None:
        losing = asyncio.create_task(holdings.until_lost(held("")))
        await asyncio.sleep(0)
        for pool, withdrawn in (
            ("another", Withdrawn(key_ids=frozenset({"k1"}))),
            ("pool", Withdrawn(key_ids=frozenset({"k2"}))),
            ("pool", Withdrawn(model_projects=frozenset({("m", "p1")}), everything=True)),
        ):
            holdings.withdraw(pool, withdrawn)
            await asyncio.sleep(1)
            assert not losing.done()
        holdings.withdraw("pool", Withdrawn(key_ids=frozenset({"k1"})))
        await losing

    pool = Pool()
    run(pool, main)
    assert pool.renewed_at == [], "used in grace, there is no lease"


def test_withdrawals_are_asked_for_only_while_something_is_held() -> None:
    async def main(holdings: Holdings) -> None:
        running = asyncio.create_task(holdings.run())
        await asyncio.sleep(12)
        losing = [asyncio.create_task(holdings.until_lost(held(""))) for _ in range(2)]
        await asyncio.sleep(9)
        for task in (running, *losing):
            task.cancel()

    pool = Pool()
    run(pool, main)
    assert pool.looked == ["pool", "pool"]
