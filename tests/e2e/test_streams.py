"""Streams end truthfully: complete, or with an error that the client's SDK notices."""

import json
from typing import Any

import httpx
import openai
import pytest
from google import genai
from google.genai import errors, types

from services.simulator.faults import FaultKind
from tests.support.system import Pool, System
from tests.support.waiting import eventually

MODEL = "gemini-2.5-flash"
LONG = "a long tale of an otter, told slowly " * 20
BROKEN: list[FaultKind] = [
    "truncate",
    "drop_midstream",
    "error_chunk",
    "raw_error_chunk",
    "broken_event",
]


async def spoil(system: System, pool: Pool, kind: FaultKind, **options: Any) -> None:
    async with system.control() as control:
        for key in pool.keys:
            await control.add_fault(kind, key=key, count=None, **options)


@pytest.mark.parametrize("kind", BROKEN)
async def test_openai_client_is_told_of_a_broken_stream(system: System, kind: FaultKind) -> None:
    pool = await system.new_pool(2)
    await spoil(system, pool, kind, after_chunks=2)
    async with openai.AsyncOpenAI(
        api_key=pool.token, base_url=f"{system.url}/v1", max_retries=0
    ) as sdk:
        stream = await sdk.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": LONG}], stream=True
        )
        text = ""
        with pytest.raises(openai.APIError):
            async for chunk in stream:
                text += chunk.choices[0].delta.content or ""

    assert text, "what had arrived was passed on"


@pytest.mark.parametrize("kind", BROKEN)
async def test_gemini_client_is_told_of_a_broken_stream(system: System, kind: FaultKind) -> None:
    pool = await system.new_pool(2)
    await spoil(system, pool, kind, after_chunks=2)
    sdk = genai.Client(api_key=pool.token, http_options=types.HttpOptions(base_url=system.url))
    text = ""
    with pytest.raises(errors.APIError):
        async for chunk in await sdk.aio.models.generate_content_stream(model=MODEL, contents=LONG):
            text += chunk.text or ""
    await sdk.aio.aclose()
    sdk.close()

    assert text, "what had arrived was passed on"


@pytest.mark.parametrize("kind", ["error_chunk", "truncate", "drop_midstream", "broken_event"])
@pytest.mark.parametrize("form", ["", "?alt=sse", "?alt=json"])
async def test_trouble_before_the_first_event_is_tried_elsewhere(
    system: System, kind: FaultKind, form: str
) -> None:
    pool = await system.new_pool(2)
    async with system.control() as control:
        await control.add_fault(kind, key=pool.keys[0], after_chunks=0)
    async with system.client(pool) as client:
        answers = [
            await client.post(
                f"/v1beta/models/{MODEL}:streamGenerateContent{form}",
                json={"contents": [{"parts": [{"text": LONG}]}]},
            )
            for _ in range(2)
        ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all('"finishReason"' in answer.text for answer in answers)
    assert "2" in {answer.headers["x-gemini-balance-attempts"] for answer in answers}


@pytest.mark.parametrize("kind", BROKEN)
async def test_array_stream_that_breaks_is_no_complete_answer(
    system: System, kind: FaultKind
) -> None:
    pool = await system.new_pool(2)
    await spoil(system, pool, kind, after_chunks=2)
    text = ""
    async with system.client(pool) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            async with client.stream(
                "POST",
                f"/v1beta/models/{MODEL}:streamGenerateContent?alt=json",
                json={"contents": [{"parts": [{"text": LONG}]}]},
            ) as answer:
                async for piece in answer.aiter_text():
                    text += piece

    assert text.startswith("[{"), "what had arrived was passed on"
    assert not text.rstrip().endswith("]")
    assert '{"error":{' in text, "a client that reads element by element is told why"


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
async def test_client_that_leaves_ends_the_stream_upstream(system: System, dialect: str) -> None:
    pool = await system.new_pool(1)
    await spoil(system, pool, "delay", delay_seconds=0)
    path, body = {
        "openai": (
            "/v1/chat/completions",
            {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": LONG}]},
        ),
        "gemini": (
            f"/v1beta/models/{MODEL}:streamGenerateContent",
            {"contents": [{"parts": [{"text": LONG}]}]},
        ),
    }[dialect]
    async with system.control() as control:
        await control.set_behaviour(chunk_delay_seconds=0.3)
        try:
            async with (
                system.client(pool) as client,
                client.stream("POST", path, json=body) as answer,
            ):
                async for _ in answer.aiter_bytes():
                    break

            async def cancelled() -> int:
                return (await control.counts()).of(pool.keys[0]).cancelled

            await eventually(cancelled, lambda count: count == 1)
        finally:
            await control.set_behaviour(chunk_delay_seconds=0)


async def test_frames_pass_as_they_are(system: System) -> None:
    pool = await system.new_pool(1)
    body = {"contents": [{"parts": [{"text": LONG}]}]}
    async with system.client(pool) as client, httpx.AsyncClient() as direct:
        through = await client.post(f"/v1beta/models/{MODEL}:streamGenerateContent", json=body)
        straight = await direct.post(
            f"{system.simulator_url}/v1beta/models/{MODEL}:streamGenerateContent?alt=sse",
            json=body,
            headers={"x-goog-api-key": pool.keys[0]},
        )

    def frames(text: str) -> list[Any]:
        assert text.endswith("\r\n\r\n")
        return [json.loads(frame.removeprefix("data: ")) for frame in text.split("\r\n\r\n")[:-1]]

    seen, expected = frames(through.text), frames(straight.text)
    for frame in [*seen, *expected]:
        frame.pop("responseId", None)
    assert seen == expected
