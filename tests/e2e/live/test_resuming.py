"""Sessions that are resumed, on any edge, by whoever began them."""

from pathlib import Path

import pytest
from gemini_balance.keypool.v1 import admin_pb2
from google import genai
from google.genai import errors, types

from tests.e2e.live.conftest import Behind
from tests.e2e.live.test_conversations import words
from tests.support.edge_process import edge_process
from tests.support.live import TALK, Front, live_sdk
from tests.support.system import System
from tests.support.two_clients import Two, two_clients
from tests.support.waiting import eventually


def config(handle: str | None = None) -> types.LiveConnectConfig:
    return types.LiveConnectConfig(
        response_modalities=[types.Modality.TEXT],
        session_resumption=types.SessionResumptionConfig(handle=handle),
    )


async def begun(client: genai.Client, *, handle: str | None = None) -> str:
    """Take a turn and return its handle."""
    [found] = await handles_of(client, handle=handle)
    return found


async def handles_of(
    client: genai.Client, *, handle: str | None = None, turns: int = 1
) -> list[str]:
    """Take turns and return the handles that they bring."""
    found = []
    async with client.aio.live.connect(model=TALK, config=config(handle)) as session:
        for _ in range(turns):
            await session.send_client_content(turns=words("please repeat plum"))
            async for message in session.receive():
                assert message.server_content
            # It comes after the turn.
            update = (await session._receive()).session_resumption_update
            assert update
            assert update.new_handle
            found.append(update.new_handle)
    return found


async def test_another_edge_goes_on_with_the_same_project(
    system: System, behind: Behind, tmp_path: Path
) -> None:
    async with two_clients(system) as two:
        handle = await begun(behind.sdk(two.pool.token))
        await two.rotate()
        async with edge_process(system, tmp_path) as edge:
            front = Front(edge.url, tmp_path / "other")
            async with front.running() as url:
                for _ in range(4):
                    client = live_sdk(two.pool.token, url, front)
                    handle = await begun(client, handle=handle)

        async with system.control() as control:
            sessions = [one for one in await control.requests() if one.key in two.pool.keys]
    keys = {one.key for one in sessions if one.verb == "bidiGenerateContent"}
    assert len(keys) == 1


async def test_a_handle_is_its_clients_alone(system: System, behind: Behind) -> None:
    async with two_clients(system) as two:
        handle = await begun(behind.sdk(two.pool.token))
        stranger = behind.sdk(two.other.headers["authorization"].removeprefix("Bearer "))
        before = await two.sent()

        with pytest.raises(errors.APIError) as caught:
            await begun(stranger, handle=handle)

        assert caught.value.code == 1008
        assert "Session not found" in str(caught.value)
        assert await two.sent() == before


async def test_the_oldest_handles_of_a_session_are_forgotten(
    system: System, behind: Behind
) -> None:
    async with two_clients(system) as two:
        client = behind.sdk(two.pool.token)
        handles = await handles_of(client, turns=10)

        assert await begun(client, handle=handles[-8])
        with pytest.raises(errors.APIError) as caught:
            await begun(client, handle=handles[-9])
    assert caught.value.code == 1008


async def test_a_project_without_a_key_is_told_clearly(system: System, behind: Behind) -> None:
    async with two_clients(system, keys=3) as two:
        client = behind.sdk(two.pool.token)
        handle = await begun(client)
        owner = await _owner(system, two)
        await two.pause(owner)

        with pytest.raises(errors.APIError) as caught:
            await begun(client, handle=handle)
        assert caught.value.code == 1013
        assert "project that holds what the request names" in str(caught.value)

        await two.resume(owner)
        assert await begun(client, handle=handle)


async def _owner(system: System, two: Two) -> str:
    async def sessions() -> list[str]:
        async with system.control() as control:
            return [one.key for one in await control.requests() if one.key in two.pool.keys]

    [owner] = await eventually(sessions, lambda found: len(found) == 1)
    return owner


@pytest.mark.filterwarnings("ignore:The SDK's")
async def test_ephemeral_tokens_open_sessions_of_their_project(
    system: System, behind: Behind
) -> None:
    async with two_clients(system) as two:
        maker = behind.sdk(two.pool.token, "v1alpha")
        wanted = types.CreateAuthTokenConfig(
            uses=2,
            live_connect_constraints=types.LiveConnectConstraints(model=TALK, config=config()),
        )
        token = await maker.aio.auth_tokens.create(config=wanted)
        assert token.name
        system.secrets.append(token.name.removeprefix("auth_tokens/"))
        await two.rotate()

        bearer = behind.sdk(token.name, "v1alpha")
        handle = await begun(bearer)
        assert await begun(bearer, handle=handle)
        # It is used up, which is nobody's fault but its bearer's.
        with pytest.raises(errors.APIError) as caught:
            await begun(bearer)

        assert caught.value.code == 1008
        async with system.control() as control:
            seen = [
                one
                for one in await control.requests(500)
                if "Constrained" in one.path
                and f"Token {token.name}" == one.header("authorization")
            ]
        assert len(seen) == 3
        assert {one.header("x-goog-api-key") for one in seen} == {None}
        assert len({one.project for one in seen}) == 1
        states = {key.state for key in (await system.keys_of(two.pool)).values()}
        assert states == {admin_pb2.Key.STATE_ACTIVE}
