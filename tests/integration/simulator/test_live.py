"""Live sessions of the simulator, as Google's are."""

import base64
import contextlib
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.simulator.control import SimulatorControl
from tests.integration.simulator.conftest import ALPHA, ALPHA_TOO, BETA
from tests.support.live import PATH, TALK, ask, bare, begin, hear, setup, turn


async def close_of(connection: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            await connection.recv()
    assert caught.value.rcvd
    return caught.value.rcvd.code, caught.value.rcvd.reason


async def refused(url: str, key: str, message: str, **options: Any) -> tuple[int, str]:
    async with bare(url, key, **options) as connection:
        # It may have been closed before anything was said.
        with contextlib.suppress(ConnectionClosed):
            await connection.send(message)
        return await close_of(connection)


async def test_a_conversation(url: str, control: SimulatorControl) -> None:
    async with bare(url, ALPHA) as connection:
        await begin(connection)
        first, _ = await ask(connection, "please repeat plum")
        second, messages = await ask(connection, "and damson")
        [session] = await control.live_sessions()

    assert "plum" in first
    assert "damson" in second
    assert [message for message in messages if "usageMetadata" in message] == messages[-1:]
    assert (session["key"], session["heard"], session["model"]) == (ALPHA, 2, TALK)
    counts = (await control.counts()).of(ALPHA)
    assert (counts.ok, counts.by_verb) == (1, {"bidiGenerateContent": 1})


async def test_it_answers_in_sound_unless_told_otherwise(url: str) -> None:
    heard = b""
    async with bare(url, ALPHA) as connection:
        await connection.send(json.dumps({"setup": {"model": f"models/{TALK}"}}))
        await connection.send(turn("hello"))
        assert await hear(connection) == {"setupComplete": {}}
        while "turnComplete" not in (message := await hear(connection)).get("serverContent", {}):
            for part in message["serverContent"].get("modelTurn", {}).get("parts", ()):
                heard += base64.b64decode(part["inlineData"]["data"])
    assert len(heard) == 48_000


async def test_a_result_without_the_id_of_its_call_is_refused(url: str) -> None:
    async with bare(url, ALPHA) as connection:
        await begin(connection)
        results = {"toolResponse": {"functionResponses": [{"name": "f", "response": {}}]}}
        await connection.send(json.dumps(results))
        assert await close_of(connection) == (1007, "Request contains an invalid argument.")


@pytest.mark.parametrize(
    ("key", "message", "code", "reason"),
    [
        ("", setup(), 1008, "Method doesn't allow unregistered callers"),
        ("nobody-000", setup(), 1007, "API key not valid"),
        (ALPHA, setup("gemini-2.5-flash"), 1008, "models/gemini-2.5-flash is not found for API"),
        (ALPHA, turn("hi"), 1007, "setup must be the first message"),
        (ALPHA, '{"setup": {"modell": "m"}}', 1007, "Invalid JSON payload received."),
        (ALPHA, "no json", 1007, "Invalid JSON payload received."),
    ],
)
async def test_refusals(url: str, key: str, message: str, code: int, reason: str) -> None:
    found, words = await refused(url, key, message)

    assert (found, words.startswith(reason)) == (code, True), words
    assert len(words.encode()) <= 123


async def handle_of(url: str, key: str, **resumption: str) -> str:
    async with bare(url, key) as connection:
        await begin(connection, sessionResumption=resumption)
        await ask(connection, "please repeat plum")
        handle: str = (await hear(connection))["sessionResumptionUpdate"]["newHandle"]
        return handle


async def test_handles_are_good_in_their_project_alone(url: str, control: SimulatorControl) -> None:
    handle = await handle_of(url, ALPHA)

    assert await handle_of(url, ALPHA_TOO, handle=handle) != handle
    stranger = await refused(url, BETA, setup(sessionResumption={"handle": handle}))
    assert stranger == (1008, "BidiGenerateContent session not found")
    await control.set_clock(3 * 3600)
    late = await refused(url, ALPHA, setup(sessionResumption={"handle": handle}))
    assert late == stranger


async def test_an_ephemeral_token_is_used_up(alpha: httpx.AsyncClient, url: str) -> None:
    made = (await alpha.post("/v1alpha/auth_tokens", json={"uses": 1})).json()["name"]
    path, query = PATH.format("v1alpha") + "Constrained", f"access_token={made}"
    async with bare(url, path=path, query=query) as connection:
        await begin(connection)

    code, reason = await refused(url, "", setup(), path=path, query=query)

    assert (code, "authentication" in reason) == (1008, True)


async def test_a_key_that_goes_bad_ends_its_sessions(url: str, control: SimulatorControl) -> None:
    async with bare(url, ALPHA) as connection, bare(url, BETA) as other:
        await begin(connection)
        await begin(other)
        await control.put_key(ALPHA, state="leaked")

        code, reason = await close_of(connection)

        assert (code, reason.startswith("Your API key was reported as leaked")) == (1008, True)
        assert [one["key"] for one in await control.live_sessions()] == [BETA]


async def test_the_control_plane_warns_and_ends(url: str, control: SimulatorControl) -> None:
    async with bare(url, ALPHA) as connection, bare(url, BETA) as other:
        await begin(connection)
        await begin(other)

        assert await control.warn_live("5s", key=ALPHA) == 1
        assert await hear(connection) == {"goAway": {"timeLeft": "5s"}}
        assert await control.close_live(1012, "bye") == 2
        assert await close_of(connection) == await close_of(other) == (1012, "bye")


async def test_faults(url: str, control: SimulatorControl) -> None:
    await control.add_fault("live_refuse_opening", status=429)
    with pytest.raises(InvalidStatus) as caught:
        await bare(url, ALPHA)
    assert caught.value.response.status_code == 429

    await control.add_fault("rate_limit_minute")
    code, reason = await refused(url, ALPHA, setup())
    assert (code, reason.startswith("You exceeded your current quota")) == (1011, True)

    await control.add_fault("live_close", after_chunks=1, close_code=1011, reason="So it is.")
    async with bare(url, ALPHA) as connection:
        await begin(connection)
        await connection.send(turn("hi"))
        assert "modelTurn" in (await hear(connection))["serverContent"]
        assert await close_of(connection) == (1011, "So it is.")

    outcomes = {one.outcome for one in await control.requests()}
    assert outcomes == {"429", "200"}
