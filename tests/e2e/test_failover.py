"""What clients and keys feel when the upstream misbehaves."""

import asyncio
import time
from collections import Counter
from typing import Any

import httpx
import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.simulator.faults import FaultKind
from tests.support.proxy import ForwardProxy
from tests.support.system import Pool, System
from tests.support.waiting import eventually

MODEL = "gemini-2.5-flash"
CHAT = "/v1/chat/completions"
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent"
OPENAI_BODY = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
GEMINI_BODY = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
ROUTES = [
    (CHAT, OPENAI_BODY),
    (CHAT, {**OPENAI_BODY, "stream": True}),
    (GENERATE, GEMINI_BODY),
    (STREAM, GEMINI_BODY),
]


async def fault(system: System, pool: Pool, kind: FaultKind, *keys: str, **options: Any) -> None:
    """Let something go wrong with some of a pool's keys, all of them unless named."""
    async with system.control() as control:
        for key in keys or pool.keys:
            await control.add_fault(kind, key=key, **options)


async def sent_with(system: System, pool: Pool) -> dict[str, int]:
    async with system.control() as control:
        tally = await control.counts()
    return {key: tally.of(key).requests for key in pool.keys}


async def states(system: System, pool: Pool) -> Counter[str]:
    return Counter(pb.Key.State.Name(key.state) for key in (await system.keys_of(pool)).values())


async def test_nine_keys_share_nine_hundred_requests_evenly(system: System) -> None:
    pool = await system.new_pool(9)
    async with system.client(pool) as client:
        gate = asyncio.Semaphore(32)

        async def ask() -> int:
            async with gate:
                return (await client.post(GENERATE, json=GEMINI_BODY)).status_code

        statuses = Counter(await asyncio.gather(*(ask() for _ in range(900))))

    assert statuses == {200: 900}
    sent = await sent_with(system, pool)
    assert sum(sent.values()) == 900
    assert all(99 <= count <= 101 for count in sent.values()), sent


async def test_a_key_that_dies_midway_is_felt_by_nobody(system: System) -> None:
    pool = await system.new_pool(5)
    doomed = pool.keys[2]
    async with system.client(pool) as client, system.control() as control:
        gate = asyncio.Semaphore(16)

        async def ask(number: int) -> int:
            async with gate:
                if number == 150:
                    await control.put_key(doomed, state="invalid")
                return (await client.post(GENERATE, json=GEMINI_BODY)).status_code

        statuses = Counter(await asyncio.gather(*(ask(number) for number in range(500))))

    assert statuses == {200: 500}
    keys = await eventually(
        lambda: system.keys_of(pool), lambda now: now[doomed].state == pb.Key.STATE_DEAD
    )
    assert keys[doomed].dead_reason
    assert [key for key, row in keys.items() if row.state == pb.Key.STATE_DEAD] == [doomed]
    sent = await sent_with(system, pool)
    others = [count for key, count in sent.items() if key != doomed]
    assert max(others) - min(others) <= 2, sent


@pytest.mark.parametrize("content", [{"contents": []}, {"contents": [{"parts": [{"nope": 1}]}]}])
async def test_a_clients_own_mistake_changes_no_key(
    system: System, content: dict[str, Any]
) -> None:
    pool = await system.new_pool(3)
    async with system.client(pool) as client:
        answers = [await client.post(GENERATE, json=content) for _ in range(5)]

    assert {answer.status_code for answer in answers} == {400}
    assert {answer.headers["x-gemini-balance-attempts"] for answer in answers} == {"1"}
    assert all(answer.json()["error"]["status"] == "INVALID_ARGUMENT" for answer in answers)
    assert await states(system, pool) == {"STATE_ACTIVE": 3}
    async with system.client(pool) as client:
        assert (await client.post(GENERATE, json=GEMINI_BODY)).status_code == 200


@pytest.mark.parametrize(("path", "body"), ROUTES)
@pytest.mark.parametrize(
    "kind", ["rate_limit_minute", "rate_limit_bare", "overloaded", "internal", "drop", "suspended"]
)
async def test_one_bad_answer_costs_the_client_only_time(
    system: System, path: str, body: dict[str, Any], kind: FaultKind
) -> None:
    pool = await system.new_pool(2)
    await fault(system, pool, kind, pool.keys[0])
    async with system.client(pool) as client:
        answers = [await client.post(path, json=body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200], [a.text for a in answers]
    assert "2" in {answer.headers["x-gemini-balance-attempts"] for answer in answers}


@pytest.mark.parametrize(("path", "body"), ROUTES)
async def test_all_keys_spent_is_a_429_with_the_time(
    system: System, path: str, body: dict[str, Any]
) -> None:
    pool = await system.new_pool(3)
    await fault(system, pool, "rate_limit_minute", count=None)
    async with system.client(pool) as client:
        first = await client.post(path, json=body)
        before = await sent_with(system, pool)
        second = await client.post(path, json=body)

    for answer in (first, second):
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 65
        error = answer.json()["error"]
        if path == CHAT:
            assert error["type"] == "rate_limit_error"
        else:
            assert error["status"] == "RESOURCE_EXHAUSTED"
    assert await sent_with(system, pool) == before, "a spent pool is not asked again"
    assert await states(system, pool) == {"STATE_ACTIVE": 3}


async def test_the_pools_troubles_are_not_told_as_the_clients_fault(system: System) -> None:
    pool = await system.new_pool(2)
    await fault(system, pool, "suspended", count=None)
    async with system.client(pool) as client:
        answer = await client.post(GENERATE, json=GEMINI_BODY)
        again = await client.post(CHAT, json=OPENAI_BODY)

    assert [answer.status_code, again.status_code] == [503, 503]
    for key in pool.keys:
        assert key not in answer.text
        assert key not in str(answer.headers)
    assert await states(system, pool) == {"STATE_DEAD": 2}


async def test_retries_are_bounded(system: System) -> None:
    pool = await system.new_pool(9)
    await fault(system, pool, "rate_limit_minute", count=None)
    async with system.client(pool) as client:
        answer = await client.post(GENERATE, json=GEMINI_BODY)

    assert answer.status_code == 429
    assert sum((await sent_with(system, pool)).values()) == 4, "one try and three retries"
    assert answer.headers["x-gemini-balance-attempts"] == "4"


async def test_something_that_creates_is_never_sent_twice(system: System) -> None:
    pool = await system.new_pool(3)
    await fault(system, pool, "drop")
    async with system.client(pool) as client:
        answer = await client.post(
            f"/v1beta/models/{MODEL}:predictLongRunning", json={"instances": []}
        )

    assert answer.status_code == 502
    assert "outcome unknown" in answer.json()["error"]["message"]
    assert sum((await sent_with(system, pool)).values()) == 1


async def test_an_upstream_that_is_not_there_is_a_gateway_error(system: System) -> None:
    pool = await system.new_pool(3)
    await fault(system, pool, "drop", count=None)
    async with system.client(pool) as client:
        answer = await client.post(GENERATE, json=GEMINI_BODY)

    assert answer.status_code == 502
    assert await states(system, pool) == {"STATE_ACTIVE": 3}


async def test_the_html_page_for_robots_is_no_clients_business(system: System) -> None:
    # A way out of its own: the pool avoids it for minutes, for the keys of all other tests, too.
    async with ForwardProxy().running() as address:
        pool = await system.new_pool(1, proxy=f"http://{address}")
        await fault(system, pool, "automated_queries", count=None)
        async with system.client(pool) as client:
            answer = await client.post(GENERATE, json=GEMINI_BODY)

    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("application/json")
    assert await states(system, pool) == {"STATE_ACTIVE": 1}


async def test_a_client_that_leaves_ends_the_call_upstream(system: System) -> None:
    pool = await system.new_pool(1)
    await fault(system, pool, "delay", delay_seconds=30)
    async with system.client(pool) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(GENERATE, json=GEMINI_BODY, timeout=0.5)

        async def cancelled() -> int:
            async with system.control() as control:
                return (await control.counts()).of(pool.keys[0]).cancelled

        begun = time.monotonic()
        await eventually(cancelled, lambda count: count == 1)
        assert time.monotonic() - begun < 10
        # The key is free for others.
        assert (await client.post(GENERATE, json=GEMINI_BODY)).status_code == 200
    keys = await eventually(
        lambda: system.keys_of(pool), lambda now: now[pool.keys[0]].in_flight_count == 0
    )
    assert keys[pool.keys[0]].state == pb.Key.STATE_ACTIVE
