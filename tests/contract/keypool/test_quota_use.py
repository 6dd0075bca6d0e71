"""Not under: with a backlog, what is allowed is used."""

import random
from datetime import timedelta

import pytest

from services.keypool.model import Lease
from tests.contract.keypool.clocked import Clocked, seconds_after


def worst_minute(starts: list[tuple[float, int]]) -> int:
    """The most that any 60 s held, of (time, amount) in the order of time."""
    worst = total = first = 0
    for time, amount in starts:
        total += amount
        while starts[first][0] <= time - 60:
            total -= starts[first][1]
            first += 1
        worst = max(worst, total)
    return worst


@pytest.mark.parametrize("rpm", [10, 100, pytest.param(1000, marks=pytest.mark.stress)])
async def test_a_backlog_of_requests_uses_99_in_100(pool: Clocked, rpm: int) -> None:
    draw = random.Random(rpm)
    await pool.open([1])
    await pool.declare("p/p0/*", rpm=rpm)
    begin, starts = pool.time, list[tuple[float, int]]()

    while (at := seconds_after(pool.time, begin)) < 240:
        grant = await pool.acquire(64)
        starts += [(at, 1)] * len(grant.leases)
        if grant.refusal is not None:
            await pool.advance(draw.uniform(0.05, 0.4))

    used = sum(60 <= at < 240 for at, _ in starts) / (3 * rpm)
    assert worst_minute(starts) == rpm
    assert used >= 0.99


@pytest.mark.parametrize("rpm", [10, 100])
async def test_waiting_clients_use_99_in_100(pool: Clocked, rpm: int) -> None:
    draw = random.Random(rpm)
    await pool.open([1, 2])
    for project in ("p0", "p1"):
        await pool.declare(f"p/{project}/*", rpm=rpm)
    begin, starts = pool.time, list[tuple[float, str]]()

    def started(lease: Lease) -> float:
        return seconds_after(lease.not_before or pool.time, begin)

    while seconds_after(pool.time, begin) < 240:
        client = draw.choice("abc")
        grant = await pool.acquire(client_id=client, wait_budget=timedelta(seconds=30))
        starts += [(started(lease), lease.project_id) for lease in grant.leases]
        if not grant.leases:
            await pool.advance(draw.uniform(0.05, 0.4))

    for project in ("p0", "p1"):
        own = sorted((at, 1) for at, name in starts if name == project)
        assert worst_minute(own) == rpm
        assert sum(60 <= at < 240 for at, _ in own) >= 0.99 * 3 * rpm


async def test_a_backlog_of_tokens_uses_97_in_100(pool: Clocked) -> None:
    draw = random.Random(1)
    tpm, projects = 10_000, 3
    await pool.open([1] * projects)
    for project in range(projects):
        await pool.declare(f"p/p{project}/*", tpm=tpm)
    begin, starts = pool.time, list[tuple[float, int, str]]()
    backlog = [draw.randint(10, 800) for _ in range(25)]

    while (at := seconds_after(pool.time, begin)) < 180:
        for place, tokens in enumerate(backlog):
            for lease in (await pool.acquire(input_tokens=tokens)).leases:
                starts.append((at, tokens, lease.project_id))
                backlog[place] = draw.randint(10, 800)
        await pool.advance(draw.uniform(0.3, 0.7))

    for project in range(projects):
        own = [(at, tokens) for at, tokens, name in starts if name == f"p{project}"]
        assert worst_minute(own) <= tpm
    used = sum(tokens for at, tokens, _ in starts if 60 <= at < 180)
    assert used >= 0.97 * 2 * tpm * projects
