"""Random runs against the promises: never over, never forgotten, counted once.

Google's side is kept beside the pool: when each request started and what it used. What
is judged is judged by the limits in force when the last of the requests in question was
granted.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from services.judging import Evidence, Operation, Phase
from services.keypool.catalog import KeyChange
from services.keypool.errors import LeaseLapsedError
from services.keypool.model import Lease, Outcome, SettleKind, Wishes
from services.keypool.quota_day import ends_of_day
from services.keypool.redis_keys import pool_key
from services.kit.redis_client import open_redis
from tests.contract.keypool.clocked import POOL, Clocked
from tests.contract.keypool.packed_state import State, read_state
from tests.unit.judging import bodies

MINUTE = 60_000
MODELS = ("a", "b")
CLIENTS = ("one", "two", "three")
DAY_LATE = datetime(2031, 6, 4, 6, 57, tzinfo=UTC)


def ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)


@dataclass
class Request:
    """A lease as Google and its holder see it."""

    lease: Lease
    step: int
    granted: int
    not_before: int
    use_by: int
    tokens: int
    limits: dict[str, int]
    start: int | None = None
    settled_step: int = 10**9
    actual: int = 0
    is_open: bool = True

    def tokens_known_at(self, step: int) -> int:
        return self.actual if self.settled_step < step else self.tokens


@dataclass
class Run:
    """One random run."""

    pool: Clocked
    random: random.Random
    projects: list[int]
    requests: list[Request] = field(default_factory=list)
    limits: dict[str, dict[str, int]] = field(default_factory=dict)
    rooms: dict[str, int] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    step: int = 0
    granted: int = 0
    reserved: int = 0

    @property
    def window(self) -> int:
        return MINUTE

    async def now(self) -> int:
        """The pool's clock, which never runs backwards."""
        shown = await self.pool.redis.hget(pool_key(POOL, "counters"), "clock")
        return max(ms(self.pool.time), int(float(shown or 0)))

    async def begin(self) -> None:
        if self.random.random() < 0.5:
            self.pool.time = DAY_LATE
        await self.pool.open(self.projects)
        for project in range(len(self.projects)):
            await self.declare(f"p{project}")
        for key_id in await self.key_ids():
            if self.random.random() < 0.3:
                self.rooms[key_id] = self.random.randint(1, 4)
                await self.pool.limit_key(key_id, self.rooms[key_id])

    async def key_ids(self) -> list[str]:
        names = await self.pool.redis.zrange(pool_key(POOL, "key_ids"), 0, -1)
        return [name.decode() for name in names]

    async def declare(self, project: str) -> None:
        draw = self.random
        limits: dict[str, int] = {}
        if draw.random() < 0.7:
            limits["rpm"] = draw.choice([1, 2, 5, 10, 70, 200])
        if draw.random() < 0.5:
            limits["tpm"] = draw.choice([500, 2000, 10000])
        if draw.random() < 0.4:
            limits["rpd"] = draw.choice([3, 20, 100])
        self.limits[project] = limits
        await self.pool.declare(f"p/{project}/*", **limits)

    async def act(self) -> None:
        self.step += 1
        self.start_requests(await self.now())
        acts = {
            self.acquire: 10,
            self.settle: 6,
            self.advance: 6,
            self.forget: 1,
            self.settle_again: 1,
            self.change_limits: 0.4,
            self.cool: 0.4,
            self.renew: 0.5,
            self.pause: 0.3,
            self.set_clock_back: 0.1,
        }
        [act] = self.random.choices(list(acts), list(acts.values()))
        await act()
        await self.check()

    async def acquire(self) -> None:
        draw = self.random
        fields: dict[str, Any] = {
            "model": draw.choice(MODELS),
            "client_id": draw.choice(CLIENTS),
            "input_tokens": draw.choice([0, 10, 100, 400, 3000]),
            "lifetime": timedelta(milliseconds=draw.choice([500, 20_000, 300_000])),
        }
        if draw.random() < 0.25:
            fields["hold"] = timedelta(milliseconds=draw.randint(0, 2000))
        elif draw.random() < 0.4:
            fields["wait_budget"] = timedelta(seconds=draw.choice([1, 10, 30, 70]))
        if draw.random() < 0.2:
            fields["affinity_hash"] = draw.choice([1, 2**63 + 5, 2**40])
        if draw.random() < 0.1:
            fields["is_free"] = True
        wishes: dict[str, Any] = {}
        if draw.random() < 0.2:
            wishes["required_project"] = f"p{draw.randrange(len(self.projects))}"
        elif draw.random() < 0.2:
            wishes["excluded_projects"] = (f"p{draw.randrange(len(self.projects))}",)
        limits = {project: dict(limits) for project, limits in self.limits.items()}
        grant = await self.pool.acquire(
            draw.choice([1, 1, 1, 2, 5, 20]), wishes=Wishes(**wishes), **fields
        )
        for lease in grant.leases:
            self.granted += 1
            self.reserved += lease.not_before is not None
            if fields.get("is_free"):
                continue
            granted = await self.now()
            begin = ms(lease.not_before) if lease.not_before else granted
            hold = fields.get("hold")
            self.requests.append(
                Request(
                    lease,
                    self.step,
                    granted,
                    begin,
                    begin + (0 if hold is None else hold // timedelta(milliseconds=1)),
                    fields["input_tokens"],
                    limits[lease.project_id],
                )
            )

    def start_requests(self, now: int) -> None:
        """Let requests start whose time has come; each starts somewhere in its span."""
        for request in self.requests:
            if request.start is None and request.is_open and request.not_before <= now:
                at = self.random.randint(request.not_before, request.use_by)
                if at <= now:
                    request.start = at

    def some_open(self) -> list[Request]:
        found = [request for request in self.requests if request.is_open]
        return self.random.sample(found, min(len(found), self.random.randint(1, 4)))

    async def settle(self) -> None:
        draw = self.random
        for request in self.some_open():
            request.is_open = False
            request.settled_step = self.step
            if request.start is None:
                await self.pool.settle(request.lease, outcome=Outcome.UNUSED)
                continue
            outcome = draw.choice([Outcome.SUCCEEDED, Outcome.SUCCEEDED, Outcome.ABANDONED])
            knows = draw.random() < 0.8
            request.actual = draw.choice([0, 50, 5000]) if knows else request.tokens
            tells_start = draw.random() < 0.7 or request.start != request.use_by
            await self.pool.settle(
                request.lease,
                outcome=outcome,
                tokens=request.actual if knows else None,
                started_at=(
                    datetime.fromtimestamp(request.start / 1000, UTC) if tells_start else None
                ),
            )

    async def forget(self) -> None:
        """A holder crashes: what it has started runs on, and nothing is settled."""
        for request in self.some_open():
            request.is_open = False

    async def settle_again(self) -> None:
        settled = [request for request in self.requests if request.settled_step < self.step]
        if not settled:
            return
        request = self.random.choice(settled[-20:])
        before = await self.dump()
        [result] = await self.pool.settle(request.lease, outcome=Outcome.UNUSED, tokens=5)
        assert result.kind is SettleKind.REPEATED
        assert await self.dump() == before

    async def dump(self) -> dict[bytes, Any]:
        found: dict[bytes, Any] = {}
        for part in ("state", "live", "leases", "project"):
            async for name in self.pool.redis.scan_iter(pool_key(POOL, part) + "*", count=1000):
                found[name] = await self.pool.redis.dump(name)
        return found

    async def advance(self) -> None:
        spans = [0.001, 0.2, 1, 3, 10, 61]
        await self.pool.advance(self.random.choices(spans, [4, 6, 6, 4, 2, 1])[0])

    async def set_clock_back(self) -> None:
        await self.pool.advance(-self.random.choice([0.5, 5]))

    async def change_limits(self) -> None:
        await self.declare(f"p{self.random.randrange(len(self.projects))}")

    async def cool(self) -> None:
        open_ones = self.some_open()
        if not open_ones or open_ones[0].start is None:
            return
        request = open_ones[0]
        request.is_open = False
        request.settled_step, request.actual = self.step, request.tokens
        body = self.random.choice(
            [bodies.BARE, bodies.quota(delay="7s"), bodies.quota(bodies.PER_DAY, delay="3s")]
        )
        await self.pool.settle(
            request.lease,
            outcome=Outcome.FAILED,
            evidence=Evidence(Phase.ANSWERED, Operation.GENERATE, 429, body),
        )

    async def renew(self) -> None:
        for request in self.some_open():
            try:
                await self.pool.leasing.renew(request.lease.lease_id, timedelta(seconds=30))
            except LeaseLapsedError:
                request.is_open = request.start is None and request.is_open

    async def pause(self) -> None:
        key_id = self.random.choice(await self.key_ids())
        state = "active" if key_id in self.paused else "paused"
        self.paused ^= {key_id}
        await self.pool.keys.change(POOL, key_id, KeyChange(state=state))

    async def check(self) -> None:
        now = await self.now()
        await self.check_keys(now)
        for model in MODELS:
            for project in range(len(self.projects)):
                self.check_starts(f"p{project}", model)
                packed = await self.pool.packed_state(model, f"p{project}")
                if packed:
                    state = read_state(packed)
                    self.check_log(state, f"p{project}", model, now)
                    await self.check_score(state, f"p{project}", model, now)

    def check_starts(self, project: str, model: str) -> None:
        """I1 and I2: in no minute more than allowed, in no day more than allowed."""
        started = sorted(
            (
                request
                for request in self.requests
                if request.start is not None
                and request.lease.project_id == project
                and request.lease.model == model
            ),
            key=lambda request: request.start or 0,
        )
        recent = [request for request in started if request.step >= self.step - 60]
        for request in recent[-30:]:
            assert request.start is not None
            within = [
                other
                for other in started
                if request.start - MINUTE < (other.start or 0) <= request.start
            ]
            last = max(within, key=lambda other: other.step)
            assert len(within) <= last.limits.get("rpm", 10**9), (project, model, within)
            if "tpm" in last.limits:
                used = sum(other.tokens_known_at(last.step) for other in within)
                # What was used beyond its estimate before the last grant pushes that one away.
                assert used <= last.limits["tpm"], (project, model, within)
            end = ends_of_day(datetime.fromtimestamp(request.start / 1000, UTC), 1)[0]
            today = [
                other
                for other in started
                if ends_of_day(datetime.fromtimestamp((other.start or 0) / 1000, UTC), 1)[0] == end
            ]
            last = max(today, key=lambda other: other.step)
            assert len(today) <= last.limits.get("rpd", 10**9), (project, model)

    def check_log(self, state: State, project: str, model: str, now: int) -> None:
        """I6: the log is in order, and holds all that has started."""
        lasts = [entry.last for entry in state.log]
        assert lasts == sorted(lasts)
        starts = [
            request.start
            for request in self.requests
            if request.start is not None
            and request.start > now - MINUTE
            and request.lease.project_id == project
            and request.lease.model == model
        ]
        for time in {now, *starts[-5:]}:
            if time < now:
                continue
            counted = sum(start <= time < start + MINUTE for start in starts)
            assert state.used_at(time, MINUTE)[0] >= counted

    async def check_score(self, state: State, project: str, model: str, now: int) -> None:
        """I4: nobody is sent away longer than need be, and nobody is lost."""
        live = await self.pool.redis.zrange(pool_key(POOL, "live", project), 0, -1)
        score = await self.pool.redis.zscore(pool_key(POOL, "order", model), project)
        if not live:
            return
        if score is None:
            number = await self.pool.redis.zscore(pool_key(POOL, "admitted"), project)
            rows = await self.pool.redis.zrange(
                pool_key(POOL, "order", model), 0, 0, withscores=True
            )
            assert number > (-rows[0][1] if rows else 0), (project, model)
            return
        # A limit that was learned may count as well, or not: the score allows for either.
        limits = {
            kind: min(self.limits[project].get(kind, 10**9), state.learned.get(kind, 10**9))
            for kind in {*self.limits[project], *state.learned}
        }
        size = -(-limits["tpm"] // 4) if "tpm" in limits else 0
        truth = max(state.rank, state.earliest(now, size, limits, MINUTE, 0))
        for key_id in live:
            room = self.rooms.get(key_id.decode(), 0)
            rows = await self.pool.redis.zrange(
                pool_key(POOL, "leases", key_id.decode()), 0, -1, withscores=True
            )
            if room == 0 or len(rows) < room:
                break
        else:
            # All keys are full: until the first lease lapses, at the latest.
            return
        assert score <= truth + 1e-6, (project, model, score - truth, limits, state)

    async def check_keys(self, now: int) -> None:
        """I3: no key serves more at a time than it may."""
        for key_id, room in self.rooms.items():
            name = pool_key(POOL, "leases", key_id)
            assert await self.pool.redis.zcount(name, f"({now}", "+inf") <= room


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = open_redis(redis_url, name="runs")
    yield client
    await client.aclose()


async def run(redis: Any, seed: int, steps: int) -> Run:
    draw = random.Random(seed)
    projects = [draw.randint(1, 3) for _ in range(draw.randint(1, 5))]
    one = Run(Clocked(redis), draw, projects)
    await one.begin()
    for _ in range(steps):
        try:
            await one.act()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {one.step}: {error}") from error
    return one


@pytest.mark.parametrize("seed", range(10))
async def test_no_run_breaks_a_promise(redis: Any, seed: int) -> None:
    done = await run(redis, seed, 250)

    # A run in which nothing is granted shows nothing.
    assert done.granted > 20


@pytest.mark.stress
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1000, 1060))
async def test_no_long_run_breaks_a_promise(redis: Any, seed: int) -> None:
    done = await run(redis, seed, 1500)

    assert done.granted > 50
