"""How many requests of a key run at a time, and which key goes first."""

from datetime import timedelta

from services.keypool.catalog import KeyChange
from services.keypool.model import RefusalReason
from tests.contract.keypool.clocked import POOL, Clocked


class TestInFlight:
    async def test_a_key_serves_no_more_at_a_time_than_it_may(self, pool: Clocked) -> None:
        await pool.open([2])
        one, two = {lease.key_id for lease in (await pool.acquire(2)).leases}
        await pool.limit_key(one, 2)
        await pool.limit_key(two, 3)

        assert await pool.granted(9) == 3

        refusal = (await pool.acquire()).refusal
        assert refusal is not None
        assert refusal.reason is RefusalReason.IN_FLIGHT
        assert refusal.retry_at == pool.time + timedelta(seconds=1)

    async def test_a_settled_lease_makes_room_for_all_models(self, pool: Clocked) -> None:
        await pool.open([1])
        lease = await pool.one(model="a")
        await pool.limit_key(lease.key_id, 1)
        assert [await pool.granted(model=model) for model in "abc"] == [0, 0, 0]

        await pool.settle(lease)

        last = await pool.one(model="b")
        await pool.settle(last)
        assert await pool.granted(model="c") == 1

    async def test_a_lapsed_lease_makes_room(self, pool: Clocked) -> None:
        await pool.open([1])
        lease = await pool.one(lifetime=timedelta(seconds=10))
        await pool.limit_key(lease.key_id, 1)
        assert await pool.granted() == 0

        await pool.advance(10)

        assert await pool.granted(2) == 1

    async def test_a_higher_priority_goes_first_within_a_project(self, pool: Clocked) -> None:
        await pool.open([3])
        keys = sorted(lease.key_id for lease in (await pool.acquire(3)).leases)
        await pool.keys.change(POOL, keys[1], KeyChange(priority=5, max_in_flight=3))

        served = [(await pool.one()).key_id for _ in range(4)]

        assert served[:2] == [keys[1]] * 2
        assert keys[1] not in served[2:]
