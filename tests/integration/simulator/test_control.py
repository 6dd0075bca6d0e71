import asyncio
import socket

import httpx

from services.simulator.control import SimulatorControl
from tests.integration.simulator.asking import FLASH, GENERATE, STREAM, ask, until
from tests.integration.simulator.conftest import ALPHA, BETA


async def test_requests_are_counted_by_key(
    alpha: httpx.AsyncClient, beta: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await alpha.post(GENERATE, json=ask())
    await alpha.post(GENERATE, json={})
    await beta.get("/v1beta/models")

    tally = await control.counts()

    counts = tally.of(ALPHA)
    assert (counts.project, counts.requests, counts.ok) == ("alpha", 2, 1)
    assert counts.by_status == {"200": 1, "400": 1}
    assert counts.by_verb == {"generateContent": 2}
    assert counts.by_model == {FLASH: 2}
    assert tally.of(BETA).by_verb == {"models.list": 1}
    assert (tally.total.requests, tally.open, tally.of("unheard-of").requests) == (3, 0, 0)


async def test_requests_are_kept_as_received(
    nobody: httpx.AsyncClient, control: SimulatorControl
) -> None:
    body = b'{ "contents" : [{"parts":[{"text":"\xc3\xa4"}]}] }'
    headers = {"X-Custom": "Seen", "content-type": "application/json"}
    await nobody.post(
        f"/v1beta/models/gemini-2.5%2Dflash:generateContent?key={ALPHA}&a=%20b",
        content=body,
        headers=headers,
    )

    (seen,) = await control.requests(limit=1)

    assert (seen.method, seen.outcome) == ("POST", "200")
    assert seen.path == "/v1beta/models/gemini-2.5%2Dflash:generateContent"
    assert seen.query == f"key={ALPHA}&a=%20b"
    assert seen.params() == {"key": [ALPHA], "a": [" b"]}
    assert seen.header("x-custom") == "Seen"
    assert seen.header("authorization") is None
    assert (seen.body, seen.body_bytes) == (body, len(body))
    assert (seen.key, seen.project, seen.verb) == (ALPHA, "alpha", "generateContent")


async def test_only_the_beginning_of_a_large_body_is_kept(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    body = b"\xff" * 200_000
    await alpha.post(GENERATE, content=body)

    (seen,) = await control.requests(limit=1)

    assert seen.body == body[: 64 * 1024]
    assert seen.body_bytes == len(body)


async def test_a_client_that_leaves_a_stream_is_noticed(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_behaviour(chunk_delay_seconds=30)
    async with alpha.stream("POST", STREAM, params={"alt": "sse"}, json=ask()) as response:
        assert await anext(response.aiter_bytes())
        assert (await control.counts()).open == 1

    async def was_noticed() -> bool:
        tally = await control.counts()
        return tally.open == 0 and tally.of(ALPHA).cancelled == 1

    await until(was_noticed)
    assert (await control.counts()).of(ALPHA).by_status == {"cancelled": 1}


async def test_a_client_that_leaves_while_it_waits_is_noticed(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("delay", delay_seconds=60)
    waiting = asyncio.ensure_future(alpha.post(GENERATE, json=ask()))

    async def is_open() -> bool:
        return (await control.counts()).open == 1

    await until(is_open)
    waiting.cancel()

    async def was_noticed() -> bool:
        return (await control.counts()).of(ALPHA).cancelled == 1

    await until(was_noticed)


async def test_a_client_that_does_not_read_is_not_sent_everything(
    url: str, control: SimulatorControl
) -> None:
    # More than the buffers of both ends hold.
    request = ask("[[words 200000]]", generationConfig={"maxOutputTokens": 1_000_000})
    small = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]
    transport = httpx.AsyncHTTPTransport(socket_options=small)
    async with (
        httpx.AsyncClient(base_url=url, transport=transport) as client,
        client.stream(
            "POST", STREAM, params={"alt": "sse", "key": ALPHA}, json=request
        ) as response,
    ):
        assert response.status_code == 200
        assert (await control.counts()).open == 1

    async def was_noticed() -> bool:
        return (await control.counts()).of(ALPHA).cancelled == 1

    await until(was_noticed)


async def test_the_most_requests_at_one_time_are_known(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.add_fault("delay", delay_seconds=0.3, count=None)

    await asyncio.gather(*(alpha.post(GENERATE, json=ask()) for _ in range(5)))

    assert (await control.counts()).most_open == 5


async def test_a_reset_forgets_everything(
    alpha: httpx.AsyncClient, control: SimulatorControl
) -> None:
    await control.set_limits(rpm=1)
    await control.add_fault("overloaded", count=None, verb="countTokens")
    await control.put_key(BETA, state="leaked")
    await control.put_key("key-gamma-1", project="gamma")
    await alpha.post(GENERATE, json=ask())

    await control.reset()

    assert (await control.counts()).total.requests == 0
    assert await control.requests() == []
    assert await control.faults() == []
    first, second = [await alpha.post(GENERATE, json=ask()) for _ in range(2)]
    assert (first.status_code, second.status_code) == (200, 200)
    beta = await alpha.post(GENERATE, json=ask(), headers={"x-goog-api-key": BETA})
    gamma = await alpha.post(GENERATE, json=ask(), headers={"x-goog-api-key": "key-gamma-1"})
    assert (beta.status_code, gamma.status_code) == (200, 400)


async def test_probes_are_answered_and_not_counted(
    nobody: httpx.AsyncClient, control: SimulatorControl
) -> None:
    assert [(await nobody.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 200]
    assert (await nobody.get("/_sim/nothing")).status_code == 404
    assert (await nobody.get("/_sim/requests?limit=many")).status_code == 400

    assert (await control.counts()).total.requests == 0
