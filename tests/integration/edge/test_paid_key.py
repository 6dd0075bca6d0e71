"""A paid key is for pictures: used for them first, and for nothing else."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.simulator.control import SimulatorControl
from tests.integration.keypool.test_keys import list_keys
from tests.support.edge import new_token, running_edge
from tests.support.keypool import Keypool, running_keypool, secret_of
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

OWN, PAID = secret_of(1), secret_of(9)
DRAWING = "gemini-2.5-flash-image"
BODY = {"contents": [{"role": "user", "parts": [{"text": "a red kite"}]}]}
CHAT = {"messages": [{"role": "user", "content": "a red kite"}]}


@dataclass
class World:
    """A running edge, and what its upstream was sent."""

    keypool: Keypool
    google: SimulatorControl
    client: httpx.AsyncClient

    async def ask(self, path: str, token: str, body: dict[str, Any]) -> httpx.Response:
        return await self.client.post(path, json=body, headers={"x-goog-api-key": token})

    async def draw(self, token: str) -> httpx.Response:
        return await self.ask(f"/v1beta/models/{DRAWING}:generateContent", token, BODY)

    async def keys(self) -> list[str]:
        return [each.key for each in await self.google.requests()]


@contextlib.asynccontextmanager
async def running(redis_url: str, **keys: Any) -> AsyncIterator[World]:
    async with (
        upstream() as google,
        running_keypool(redis_url, base_url=google.url, api_keys=[OWN], **keys) as keypool,
        running_edge(keypool, base_url=google.url) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        yield World(keypool, google.control, client)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    async with running(redis_url, paid_key=PAID) as running_world:
        yield running_world


@pytest.mark.parametrize(
    ("path", "body", "used"),
    [
        (f"/v1beta/models/{DRAWING}:generateContent", BODY, PAID),
        (f"/v1beta/models/{DRAWING}:streamGenerateContent", BODY, PAID),
        ("/v1beta/models/imagen-4.0-generate-001:predict", {"instances": [{"prompt": "a"}]}, PAID),
        ("/v1/images/generations", {"prompt": "a red kite", "response_format": "b64_json"}, PAID),
        ("/v1/chat/completions", CHAT | {"model": f"{DRAWING}-chat"}, PAID),
        (f"/v1beta/models/{DRAWING}:countTokens", BODY, OWN),
        ("/v1beta/models/gemini-2.5-flash:generateContent", BODY, OWN),
        ("/v1/chat/completions", CHAT | {"model": "gemini-2.5-flash"}, OWN),
    ],
)
async def test_pictures_are_drawn_with_the_paid_key(
    world: World, path: str, body: dict[str, Any], used: str
) -> None:
    token = await new_token(world.keypool)

    answer = await world.ask(path, token, body)

    assert answer.status_code == 200, answer.text
    assert await world.keys() == [used]


async def test_others_draw_when_the_paid_key_is_at_its_limit_and_each_is_told_of(
    world: World,
) -> None:
    token = await new_token(world.keypool)
    await world.google.add_fault("rate_limit_minute", key=PAID)

    first, second = await world.draw(token), await world.draw(token)

    assert (first.status_code, second.status_code) == (200, 200)
    assert await world.keys() == [PAID, OWN, OWN]
    assert first.headers["x-gemini-balance-attempts"] == "2"

    async def counted() -> dict[str, tuple[int, int]]:
        keys = await list_keys(world.keypool)
        return {key.pool: (key.success_count, key.failure_count) for key in keys}

    await eventually(counted, lambda seen: seen == {"default": (2, 0), "paid": (0, 1)})


async def test_a_paid_key_that_is_dead_is_not_used_again(world: World) -> None:
    token = await new_token(world.keypool)
    await world.google.put_key(PAID, state="invalid")

    statuses = [(await world.draw(token)).status_code for _ in range(2)]

    assert statuses == [200, 200]
    assert await world.keys() == [PAID, OWN, OWN]


async def test_restricted_tokens_draw_with_their_own_keys(world: World) -> None:
    await world.keypool.add_keys(secret_of(5), pool="team")
    restricted = [
        await new_token(world.keypool, pool="team"),
        await new_token(world.keypool, limits={"requests_per_minute": 9}),
    ]

    for token in restricted:
        assert (await world.draw(token)).status_code == 200

    assert await world.keys() == [secret_of(5), OWN]


async def test_without_a_paid_key_nothing_changes(redis_url: str) -> None:
    async with running(redis_url) as world:
        token = await new_token(world.keypool)

        answer = await world.draw(token)

        assert answer.status_code == 200
        assert answer.headers["x-gemini-balance-attempts"] == "1"
        assert await world.keys() == [OWN]


@pytest.mark.parametrize(("keys", "used"), [({"paid_key": PAID}, PAID), ({}, OWN)])
async def test_pictures_are_drawn_while_the_key_pool_is_away(
    redis_url: str, keys: dict[str, str], used: str
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        google = await stack.enter_async_context(upstream())
        pool = await stack.enter_async_context(contextlib.AsyncExitStack())
        keypool = await pool.enter_async_context(
            running_keypool(redis_url, base_url=google.url, api_keys=[OWN], **keys)
        )
        url = await stack.enter_async_context(running_edge(keypool, base_url=google.url))
        # Who waited for the pool to come back would wait for longer.
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=8))
        world = World(keypool, google.control, client)
        token = await new_token(keypool)
        assert (await world.draw(token)).status_code == 200
        await pool.aclose()

        for _ in range(2):
            answer = await world.draw(token)
            assert answer.status_code == 200, answer.text
        assert await world.keys() == [used] * 3
