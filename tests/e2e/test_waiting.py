"""Requests that wait for a key, and streams that say so."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from google import genai
from google.genai import types

from tests.support.system import System, running_simulator_process, running_system

MODEL = "gemini-2.5-flash"
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
CHAT = "/v1/chat/completions"
GEMINI_BODY = {"contents": [{"role": "user", "parts": [{"text": "please repeat fudge"}]}]}
OPENAI_BODY = {"model": MODEL, "messages": [{"role": "user", "content": "please repeat fudge"}]}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose streams say soon that they wait."""
    folder: Path = tmp_path_factory.mktemp("patient")
    with (
        running_simulator_process(folder) as simulator_url,
        running_system(folder, simulator_url, HEARTBEAT_SECONDS="0.3") as system,
    ):
        yield system


async def cool_down(system: System, keys: list[str], seconds: float) -> None:
    """Let the next request with each key be refused for a while."""
    async with system.control() as control:
        for key in keys:
            await control.add_fault("rate_limit_minute", key=key, retry_seconds=seconds)


@pytest.mark.parametrize(("path", "body"), [(GENERATE, GEMINI_BODY), (CHAT, OPENAI_BODY)])
async def test_a_short_wait_is_waited(system: System, path: str, body: dict[str, Any]) -> None:
    pool = await system.new_pool(2)
    await cool_down(system, pool.keys, 2)
    async with system.client(pool) as client:
        begun = time.monotonic()
        answer = await client.post(path, json=body)
        waited = time.monotonic() - begun

    assert answer.status_code == 200, answer.text
    assert waited >= 1.5
    assert int(answer.headers["x-gemini-balance-queue-ms"]) >= 1000
    async with system.control() as control:
        tally = await control.counts()
    assert [tally.of(key).by_status.get("429", 0) for key in pool.keys] == [1, 1]


@pytest.mark.parametrize("header", ["x-server-timeout", "x-stainless-read-timeout"])
async def test_nobody_waits_longer_than_the_client_does(system: System, header: str) -> None:
    pool = await system.new_pool(1)
    await cool_down(system, pool.keys, 4)
    async with system.client(pool) as client:
        begun = time.monotonic()
        answer = await client.post(GENERATE, json=GEMINI_BODY, headers={header: "6"})

    assert answer.status_code == 429
    assert time.monotonic() - begun < 3
    assert 1 <= int(answer.headers["retry-after"]) <= 5


async def test_a_client_that_leaves_while_waiting_uses_nothing_up(system: System) -> None:
    pool = await system.new_pool(1)
    await cool_down(system, pool.keys, 3)
    async with system.client(pool) as client:
        impatient = asyncio.create_task(client.post(GENERATE, json=GEMINI_BODY))
        await asyncio.sleep(1)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        answer = await client.post(GENERATE, json=GEMINI_BODY)

    assert answer.status_code == 200
    async with system.control() as control:
        assert (await control.counts()).of(pool.keys[0]).by_status == {"429": 1, "200": 1}


async def test_openai_stream_tells_that_it_waits(patient: System) -> None:
    pool = await patient.new_pool(1)
    await cool_down(patient, pool.keys, 2)
    async with patient.client(pool) as client:
        raw = await client.post(CHAT, json={**OPENAI_BODY, "stream": True})
    await cool_down(patient, pool.keys, 2)
    async with openai.AsyncOpenAI(
        api_key=pool.token, base_url=f"{patient.url}/v1", max_retries=0
    ) as sdk:
        stream = await sdk.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "please repeat fudge"}], stream=True
        )
        text = "".join([c.choices[0].delta.content or "" async for c in stream])

    assert raw.text.startswith(": waiting")
    assert raw.text.endswith("data: [DONE]\n\n")
    assert "fudge" in text


async def test_gemini_stream_tells_that_it_waits(patient: System) -> None:
    pool = await patient.new_pool(1)
    await cool_down(patient, pool.keys, 2)
    async with patient.client(pool) as client:
        raw = await client.post(f"/v1beta/models/{MODEL}:streamGenerateContent", json=GEMINI_BODY)
    await cool_down(patient, pool.keys, 2)
    sdk = genai.Client(api_key=pool.token, http_options=types.HttpOptions(base_url=patient.url))
    text = ""
    async for chunk in await sdk.aio.models.generate_content_stream(
        model=MODEL, contents="please repeat fudge"
    ):
        text += chunk.text or ""
    await sdk.aio.aclose()
    sdk.close()

    assert raw.text.startswith("\r\n")
    assert '"finishReason"' in raw.text
    assert "fudge" in text


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
async def test_a_failure_after_the_first_sign_of_life_is_told_in_band(
    patient: System, dialect: str
) -> None:
    pool = await patient.new_pool(1)
    async with patient.control() as control:
        await control.add_fault("rate_limit_minute", key=pool.keys[0], retry_seconds=1)
        await control.add_fault("overloaded", key=pool.keys[0], count=None)
    path, body = {
        "openai": (CHAT, {**OPENAI_BODY, "stream": True}),
        "gemini": (f"/v1beta/models/{MODEL}:streamGenerateContent", GEMINI_BODY),
    }[dialect]
    async with patient.client(pool) as client:
        answer = await client.post(path, json=body)

    assert answer.status_code == 200, "it had begun"
    last = answer.text.strip().splitlines()[-1]
    error = json.loads(last.removeprefix("data: "))["error"]
    assert error["code"] == (503 if dialect == "gemini" else error["code"])
    assert "overloaded" in error["message"]
    assert "[DONE]" not in answer.text
