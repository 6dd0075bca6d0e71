"""Limits that the upstream names when it refuses."""

from typing import Any

from services.judging import Evidence, Operation, Phase
from services.keypool.model import Outcome
from tests.contract.keypool.clocked import Clocked
from tests.unit.judging import bodies


def refused(status: int, body: bytes) -> dict[str, Any]:
    """How a call ends that the upstream refuses."""
    evidence = Evidence(Phase.ANSWERED, Operation.GENERATE, status, body)
    return {"outcome": Outcome.FAILED, "evidence": evidence}


class TestLearned:
    async def test_a_limit_that_was_told_is_not_exceeded_again(self, pool: Clocked) -> None:
        await pool.open([1])
        leases = [await pool.one() for _ in range(10)]
        body = bodies.quota(
            bodies.violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "10"),
            delay="5s",
        )
        await pool.settle(leases[-1], **refused(429, body))
        await pool.settle(*leases[:-1])

        await pool.advance(6)
        before = await pool.granted()
        await pool.advance(54)

        assert (before, await pool.granted(15)) == (0, 10)

    async def test_it_is_forgotten_after_a_day(self, pool: Clocked) -> None:
        await pool.open([1])
        body = bodies.quota(
            bodies.violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "1"),
            delay="5s",
        )
        await pool.settle(await pool.one(), **refused(429, body))
        await pool.advance(3600)
        assert await pool.granted(3) == 1

        await pool.advance(86400)

        assert await pool.granted(3) == 3

    async def test_a_later_refusal_contradicts_a_declared_limit(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=100)
        lease = await pool.one()
        await pool.advance(1)
        body = bodies.quota(
            bodies.violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "2"),
            delay="5s",
        )
        await pool.settle(lease, **refused(429, body))
        await pool.advance(120)
        learned = await pool.granted(5)
        await pool.advance(120)

        await pool.declare("p/p0/*", rpm=100)

        assert (learned, await pool.granted(5)) == (2, 5)

    async def test_a_larger_one_gives_way_to_what_is_declared(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=3)
        body = bodies.quota(
            bodies.violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "50"),
            delay="5s",
        )
        await pool.settle(await pool.one(), **refused(429, body))

        await pool.advance(120)

        assert await pool.granted(9) == 3
