"""Which declared limit holds for a project and a model, and from when on."""

from services.keypool.model import RefusalReason, Wishes
from tests.contract.keypool.clocked import Clocked


class TestDeclared:
    async def test_the_longest_pattern_holds_and_a_project_beats_its_tier(
        self, pool: Clocked
    ) -> None:
        await pool.open([1, 1, 1])
        await pool.redis.hset("gb:1:{default}:p:p0", "tier", "free")
        await pool.redis.hset("gb:1:{default}:p:p1", "tier", "free")
        await pool.declare("t/free/*", rpm=2)
        await pool.declare("t/free/gemini-*", rpm=3)
        await pool.declare("t/free/gemini-2.5-pro", rpd=4)
        await pool.declare("p/p1/gemini-2.5-*", rpm=1)

        table = {
            (model, project): await pool.granted(
                6, model=model, wishes=Wishes(required_project=project)
            )
            for model in ("other", "gemini-2.0", "gemini-2.5-pro", "gemini-2x5-pro")
            for project in ("p0", "p1", "p2")
        }

        assert table == {
            ("other", "p0"): 2,
            ("other", "p1"): 2,
            ("other", "p2"): 6,
            ("gemini-2.0", "p0"): 3,
            ("gemini-2.0", "p1"): 3,
            ("gemini-2.0", "p2"): 6,
            ("gemini-2.5-pro", "p0"): 3,
            ("gemini-2.5-pro", "p1"): 1,
            ("gemini-2.5-pro", "p2"): 6,
            ("gemini-2x5-pro", "p0"): 3,
            ("gemini-2x5-pro", "p1"): 3,
            ("gemini-2x5-pro", "p2"): 6,
        }

    async def test_zero_means_not_offered(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/m", rpm=0)

        refusal = (await pool.acquire()).refusal

        assert refusal is not None
        assert (refusal.reason, refusal.retry_at) == (RefusalReason.MODEL_ABSENT, None)
        assert await pool.granted(model="n") == 1

    async def test_a_raised_limit_holds_at_once_for_who_waits(self, pool: Clocked) -> None:
        await pool.open([1] * 700)
        await pool.declare("t/free/*", rpd=1)
        for project in range(700):
            await pool.redis.hset(f"gb:1:{{default}}:p:p{project}", "tier", "free")
        served = 0
        for _ in range(11):
            served += len((await pool.acquire(64)).leases)
        assert served == 700

        await pool.declare("t/free/*", rpd=2)

        for _ in range(15):
            served += len((await pool.acquire(64)).leases)
        assert served == 1400

    async def test_a_withdrawn_limit_holds_no_more(self, pool: Clocked) -> None:
        await pool.open([1])
        await pool.declare("p/p0/*", rpm=1)
        await pool.one()

        await pool.declare("p/p0/*")

        assert await pool.granted(3) == 3

    async def test_a_limit_declared_late_knows_what_was_used(self, pool: Clocked) -> None:
        await pool.open([1])
        assert await pool.granted(4) == 4
        await pool.advance(1)

        await pool.declare("p/p0/*", rpm=5)

        assert await pool.granted(3) == 1
