"""Random runs of a pool, with Google's side kept beside it: what started when, and what it used."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from services.judging import Evidence, Operation, Phase
from services.keypool.catalog import KeyChange
from services.keypool.errors import LeaseLapsedError
from services.keypool.model import Lease, Outcome, SettleKind, Wishes
from services.keypool.redis_keys import pool_key
from tests.contract.keypool.clocked import POOL, Clocked
from tests.unit.judging import bodies

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
    """One random run: `act` does something that callers, clocks or operators do."""

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
