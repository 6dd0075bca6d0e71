"""Headers that the operator adds to all calls, and signs of life from the beginning."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.simulator.control import SimulatorControl
from tests.support.edge import new_token, running_edge
from tests.support.keypool import Keypool, running_keypool, secrets_of
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server"]

MODEL = "gemini-2.5-flash"
GEMINI = (
    f"/v1beta/models/{MODEL}:streamGenerateContent",
    {"contents": [{"parts": [{"text": "please repeat quince"}]}]},
    b"\r\n",
)
OPENAI = (
    "/v1/chat/completions",
    {
        "model": MODEL,
        "messages": [{"role": "user", "content": "please repeat quince"}],
        "stream": True,
    },
    b": ",
)


@pytest.fixture
async def keypool(redis_url: str) -> AsyncIterator[tuple[Keypool, str]]:
    async with (
        upstream() as google,
        running_keypool(redis_url, base_url=google.url) as pool,
    ):
        await pool.add_keys(*secrets_of(1))
        yield pool, google.url


async def test_custom_headers_go_upstream_in_place_of_the_clients(
    keypool: tuple[Keypool, str],
) -> None:
    pool, google_url = keypool
    custom = {"X-Team": "search", "User-Agent": "our gateway"}
    async with (
        SimulatorControl(google_url) as sim,
        running_edge(pool, base_url=google_url, custom_headers=custom) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        headers = {"x-goog-api-key": await new_token(pool), "x-team": "own", "x-goog-other": "kept"}
        answer = await client.post(
            f"/v1beta/models/{MODEL}:generateContent", json=GEMINI[1], headers=headers
        )
        [*_, sent] = await sim.requests()

    assert answer.status_code == 200, answer.text
    assert [value for name, value in sent.headers if name == "x-team"] == ["search"]
    assert sent.header("user-agent") == "our gateway"
    assert sent.header("x-goog-other") == "kept"
    assert sent.key == secrets_of(1)[0]


@pytest.mark.parametrize(("path", "body", "sign"), [GEMINI, OPENAI], ids=["gemini", "openai"])
async def test_fake_streams_give_signs_of_life_until_the_first_byte(
    keypool: tuple[Keypool, str], path: str, body: dict[str, object], sign: bytes
) -> None:
    pool, google_url = keypool
    eager = {"fake_stream_enabled": True, "fake_stream_empty_data_interval_seconds": 0.05}
    async with (
        SimulatorControl(google_url) as sim,
        running_edge(pool, base_url=google_url, **eager) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        await sim.add_fault("delay", delay_seconds=0.6)
        headers = {"authorization": f"Bearer {await new_token(pool)}"}
        answer = await client.post(path, json=body, headers=headers)

    assert answer.status_code == 200
    assert answer.content.startswith(sign)
    before, _, rest = answer.content.partition(b"data: ")
    assert before.count(sign) >= 2
    assert b"quince" in rest
