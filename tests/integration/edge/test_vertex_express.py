"""Keys of Vertex express and Gemini's own never meet: an edge over a real key pool and store."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.simulator.control import Received, SimulatorControl
from tests.support.edge import new_token, running_edge
from tests.support.keypool import Keypool, running_keypool, secret_of
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server"]

MODEL = "gemini-2.5-flash"
AT_VERTEX, AT_GEMINI = "/v1beta1/publishers/google/", "/v1beta/"
ROOT = "/vertex-express/v1beta"
BODY = {"contents": [{"role": "user", "parts": [{"text": "please repeat quince"}]}]}
GEMINIS = {secret_of(1), secret_of(2)}
VERTEXES = {secret_of(11), secret_of(12)}


@dataclass
class World:
    """A running edge, and what its upstream was sent."""

    keypool: Keypool
    google: SimulatorControl
    client: httpx.AsyncClient

    async def ask(self, path: str, token: str, body: Any = BODY) -> httpx.Response:
        headers = {"x-goog-api-key": token}
        method = "GET" if body is None else "POST"
        return await self.client.request(method, path, json=body, headers=headers)

    async def generate(self, root: str, token: str, model: str = MODEL) -> httpx.Response:
        return await self.ask(f"{root}/models/{model}:generateContent", token)

    async def sent(self) -> list[Received]:
        """Return all that went upstream; no key may have gone where it is not for."""
        requests = await self.google.requests(2000)
        for each in requests:
            kind = VERTEXES if each.path.startswith(AT_VERTEX) else GEMINIS
            assert each.key in kind, each.path
        return requests


@contextlib.asynccontextmanager
async def running(redis_url: str, vertex_keys: set[str], **settings: Any) -> AsyncIterator[World]:
    async with upstream() as google:
        vertex_url = f"{google.url}/v1beta1/publishers/google"
        async with (
            running_keypool(
                redis_url,
                base_url=google.url,
                vertex_express_base_url=vertex_url,
                api_keys=sorted(GEMINIS),
                vertex_api_keys=sorted(vertex_keys),
            ) as keypool,
            running_edge(
                keypool, base_url=google.url, vertex_express_base_url=vertex_url, **settings
            ) as url,
            httpx.AsyncClient(base_url=url, timeout=30) as client,
        ):
            yield World(keypool, google.control, client)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    async with running(redis_url, VERTEXES) as running_world:
        yield running_world


async def test_each_prefix_uses_its_own_keys_in_turn(world: World) -> None:
    token = await new_token(world.keypool)

    for _ in range(3):
        for root in (ROOT, "/v1beta"):
            answer = await world.generate(root, token)
            assert answer.status_code == 200, answer.text
            assert "quince" in answer.text

    sent = await world.sent()
    assert {each.key for each in sent} == GEMINIS | VERTEXES
    assert [each.path.startswith(AT_VERTEX) for each in sent] == [True, False] * 3


async def test_streams_and_counts(world: World) -> None:
    token = await new_token(world.keypool)

    stream = await world.ask(f"{ROOT}/models/{MODEL}:streamGenerateContent", token)
    array = await world.ask(f"{ROOT}/models/{MODEL}:streamGenerateContent?alt=json", token)
    counted = await world.ask(f"{ROOT}/models/{MODEL}:countTokens", token)

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert "quince" in stream.text
    assert array.json()[-1]["candidates"][0]["finishReason"] == "STOP"
    assert counted.json()["totalTokens"] > 0
    assert {each.key for each in await world.sent()} <= VERTEXES


@pytest.mark.parametrize("kind", ["rate_limit_minute", "invalid_key", "overloaded", "drop"])
async def test_a_failure_goes_on_with_a_key_of_the_same_kind(world: World, kind: Any) -> None:
    token = await new_token(world.keypool)
    await world.google.add_fault(kind)

    answer = await world.generate(ROOT, token)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gemini-balance-attempts"] == "2"
    assert {each.key for each in await world.sent()} == VERTEXES


async def test_limits_are_learned_for_each_kind_apart(world: World) -> None:
    token = await new_token(world.keypool)
    for key in VERTEXES:
        await world.google.add_fault("rate_limit_day", key=key, count=None)

    refused = await world.generate(ROOT, token)
    other = await world.generate("/v1beta", token)

    assert (refused.status_code, other.status_code) == (429, 200)
    assert refused.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert other.headers["x-gemini-balance-attempts"] == "1"
    await world.sent()


async def test_when_every_vertex_key_is_dead_no_other_steps_in(world: World) -> None:
    token = await new_token(world.keypool)
    for key in VERTEXES:
        await world.google.put_key(key, state="invalid")

    for _ in range(2):
        answer = await world.generate(ROOT, token)
        assert answer.status_code == 503, answer.text
    assert {each.key for each in await world.sent()} == VERTEXES


async def test_the_list_is_asked_for_with_a_gemini_key_at_geminis_address(world: World) -> None:
    token = await new_token(world.keypool)

    listed = (await world.ask(f"{ROOT}/models?pageSize=1000", token, None)).json()["models"]
    one = await world.ask(f"{ROOT}/models/{MODEL}", token, None)

    names = [each["name"] for each in listed]
    assert f"models/{MODEL}" in names
    assert all(name.startswith("models/gemini-") for name in names)
    assert one.json()["supportedGenerationMethods"] == ["generateContent", "countTokens"]
    assert {each.path.partition("?")[0] for each in await world.sent()} == {
        "/v1beta/models",
        f"/v1beta/models/{MODEL}",
    }


async def test_tokens_open_what_their_pool_and_limits_leave(world: World) -> None:
    await world.keypool.add_keys(secret_of(2), pool="team")
    limits = {"requests_per_minute": 1}
    vertex = await new_token(world.keypool, pool="vertex-express", limits=limits)
    restricted = [
        await new_token(world.keypool, pool="team"),
        await new_token(world.keypool, limits=limits),
    ]

    refused = [(await world.generate(ROOT, token)).status_code for token in restricted]
    own = [(await world.generate(ROOT, vertex)).status_code for _ in range(2)]
    others: dict[str, Any] = {
        f"/v1beta/models/{MODEL}:generateContent": BODY,
        "/v1beta/models": None,
        "/upload/v1beta/files": {"file": {}},
        "/v1/chat/completions": {"model": MODEL, "messages": []},
        "/v1beta/cachedContents": {},
    }
    elsewhere = [(await world.ask(path, vertex, body)).status_code for path, body in others.items()]
    listed = await world.ask(f"{ROOT}/models", vertex, None)

    assert refused == [403, 403]
    assert own == [200, 429]
    assert elsewhere == [403] * 5
    assert (listed.status_code, "VERTEX_EXPRESS_MODELS" in listed.text) == (501, True)
    assert len(await world.sent()) == 1


async def test_custom_headers_go_to_vertex_too(redis_url: str) -> None:
    async with running(redis_url, VERTEXES, custom_headers={"X-Team": "search"}) as world:
        await world.generate(ROOT, await new_token(world.keypool))

        [sent] = await world.sent()
        assert sent.header("x-team") == "search"


async def test_without_vertex_keys_nothing_is_asked_of_anybody(redis_url: str) -> None:
    async with running(redis_url, set()) as world:
        token = await new_token(world.keypool)

        answers = [
            await world.ask(f"{ROOT}/models/{MODEL}:{verb}", token)
            for verb in ("generateContent", "streamGenerateContent", "countTokens")
        ]

        assert [answer.status_code for answer in answers] == [501] * 3
        assert "VERTEX_API_KEYS" in answers[0].json()["error"]["message"]
        assert await world.sent() == []
