"""Sessions that cannot be: what is tried again, and what the client is told."""

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.integration.edge.live.conftest import World
from tests.support.edge import new_token
from tests.support.live import PATH, TALK, ask, bare, begin, hear, setup

KEY_INVALID = {"reason": "API_KEY_INVALID"}


async def closed(url: str, token: str, *messages: str, **options: Any) -> tuple[int, str]:
    """Return how a session ends that says so much and nothing else."""
    async with bare(url, token, **options) as connection:
        with pytest.raises(ConnectionClosed) as caught:
            for message in messages:
                await connection.send(message)
            while True:
                await connection.recv()
    assert caught.value.rcvd
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("carrier", ["x-goog-api-key", "bearer", "token", "key", "access_token"])
async def test_every_carrier_of_a_token_opens(world: World, edge: str, carrier: str) -> None:
    headers = {
        "x-goog-api-key": {"x-goog-api-key": world.token},
        "bearer": {"authorization": f"Bearer {world.token}"},
        "token": {"authorization": f"Token {world.token}"},
    }.get(carrier, {})
    query = f"{carrier}={world.token}" if carrier in {"key", "access_token"} else ""
    path = "/gemini" + PATH.format("v1alpha") if carrier == "key" else PATH.format("v1")

    address = bare(edge, path=path, query=query)
    address.additional_headers = headers
    async with address as connection:
        await begin(connection)
        assert "plum" in (await ask(connection, "please repeat plum"))[0]

    await world.settled(1)
    [seen] = [one for one in await world.google.requests() if one.verb == "bidiGenerateContent"]
    assert seen.key in world.keys
    assert seen.header("x-goog-api-key") == seen.key
    assert world.token not in f"{seen.query} {seen.headers}"


@pytest.mark.parametrize("says", [(), (setup(),)], ids=["nothing", "setup"])
@pytest.mark.parametrize(
    ("token", "words"),
    [("", "A token is needed"), ("sk-nobody-000000", "unknown"), ("auth_tokens/x1", "not made")],
)
async def test_a_bad_token_is_told_in_a_close(
    edge: str, token: str, words: str, says: tuple[str, ...]
) -> None:
    code, reason = await closed(edge, token, *says)

    assert code == 1008
    assert words in reason


async def test_a_token_that_opens_other_models_only(world: World, edge: str) -> None:
    token = await new_token(world.keypool, name="few", allowed_models=["gemini-2.5-*"])

    code, reason = await closed(edge, token, setup())

    assert (code, TALK in reason) == (1008, True)
    assert (await world.google.counts()).total.requests == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", 1007),
        ("[]", 1007),
        ('{"clientContent": {}}', 1007),
        ('{"setup": {}}', 1007),
        ('{"setup": {"model": "models/a b"}}', 1007),
        ('{"setup": {"model": "models/m", "sessionResumption": {"handle": "none"}}}', 1008),
        ('{"setup": {"model": "models/m", "cachedContent": "cachedContents/none"}}', 1008),
    ],
)
async def test_a_setup_that_is_none_costs_nothing_upstream(
    world: World, edge: str, message: str, code: int
) -> None:
    assert (await closed(edge, world.token, message))[0] == code
    assert (await world.google.counts()).total.requests == 0
    await world.settled(0)


async def test_an_unknown_model_is_one_call_and_nobodys_fault(world: World, edge: str) -> None:
    code, reason = await closed(edge, world.token, setup("gemini-9"))

    assert code == 1008
    assert reason.startswith("models/gemini-9 is not found for API version v1beta")
    assert (await world.google.counts()).total.requests == 1
    assert {(await world.keypool.key(each)).state for each in world.keys.values()} == {1}


async def test_other_paths_and_plain_requests_are_refused(world: World, edge: str) -> None:
    for path in (PATH.format("v7"), "/ws/other", "/v1/chat/completions"):
        with pytest.raises(InvalidStatus) as caught:
            await bare(edge, world.token, path=path)
        assert caught.value.response.status_code == 404
        assert json.loads(caught.value.response.body or b"")["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("fault", "dies"),
    [
        ({"kind": "invalid_key"}, True),
        ({"kind": "leaked"}, True),
        ({"kind": "rate_limit_minute"}, False),
        ({"kind": "overloaded"}, False),
        ({"kind": "internal"}, False),
        ({"kind": "location"}, False),
        ({"kind": "live_refuse_opening", "status": 503}, False),
        ({"kind": "live_refuse_opening", "status": 401}, True),
    ],
)
async def test_another_key_is_tried_before_the_client_sees_anything(
    world: World, edge: str, fault: dict[str, Any], dies: bool
) -> None:
    await world.google.add_fault(**fault)

    async with bare(edge, world.token) as connection:
        await begin(connection)
        [session] = await world.open_sessions(1)

    [struck] = [one for one in await world.google.requests() if one.outcome != "200"]
    assert struck.key != session["key"]
    await world.settled(1, 1)
    state = (await world.keypool.key(world.keys[struck.key])).state
    assert (state != 1) == dies


async def test_every_project_at_its_limit_is_told_with_the_time(world: World) -> None:
    await world.google.add_fault("rate_limit_minute", count=None)

    async with world.edge(max_wait_seconds=1) as edge:
        code, reason = await closed(edge, world.token, setup())

    # Google's words, where a project has said them.
    assert code == 1013
    assert "quota" in reason


async def test_no_key_at_all(world: World, edge: str) -> None:
    token = await new_token(world.keypool, name="poor", pool="empty")

    code, reason = await closed(edge, token, setup())

    assert code == 1013
    assert "No upstream credential" in reason


async def test_a_second_setup_ends_the_session(world: World, edge: str) -> None:
    code, reason = await closed(edge, world.token, setup(), setup())

    assert (code, "first message only" in reason) == (1007, True)
    await world.settled(1)


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 4321])
async def test_the_upstreams_close_is_passed_on(world: World, edge: str, code: int) -> None:
    await world.google.add_fault("live_close", after_chunks=0, close_code=code, reason="So it is.")

    assert await closed(edge, world.token, setup()) == (code, "So it is.")
    await world.settled(1)


async def test_a_key_that_dies_in_the_middle_is_told_without_its_name(
    world: World, edge: str
) -> None:
    async with bare(edge, world.token) as connection, bare(edge, world.token) as other:
        await begin(connection)
        [session] = await world.open_sessions(1)
        await begin(other)
        await world.google.put_key(session["key"], state="leaked")
        with pytest.raises(ConnectionClosed) as caught:
            await hear(connection)
        assert "plum" in (await ask(other, "please repeat plum"))[0]

    assert caught.value.rcvd
    assert caught.value.rcvd.code == 1011
    assert "Open the session again" in caught.value.rcvd.reason
    await world.settled(1, 1)
    assert (await world.keypool.key(world.keys[session["key"]])).state != 1
