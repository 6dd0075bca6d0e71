"""What a session names belongs to its client, and lies where the session is."""

import json

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.live import ask, bare, begin, hear, setup
from tests.support.two_clients import Two


def citing(name: str) -> str:
    """Return a turn about a file."""
    file = {"fileData": {"mimeType": "text/plain", "fileUri": f"https://example.com/v1/{name}"}}
    parts = [file, {"text": "please repeat plum"}]
    turns = [{"role": "user", "parts": parts}]
    return json.dumps({"clientContent": {"turns": turns, "turnComplete": True}})


async def close_after(two: Two, *messages: str) -> tuple[int, str]:
    async with bare(two.system.url, two.pool.token) as connection:
        with pytest.raises(ConnectionClosed) as caught:
            for message in messages:
                await connection.send(message)
            while True:
                await connection.recv()
    assert caught.value.rcvd
    return caught.value.rcvd.code, caught.value.rcvd.reason


async def test_a_setup_that_cites_goes_to_the_project_of_what_it_cites(two: Two) -> None:
    name = await two.upload()
    owner = await two.owner_of(name)
    part = {"fileData": {"mimeType": "text/plain", "fileUri": name}}
    for _ in range(3):
        async with bare(two.system.url, two.pool.token) as connection:
            await begin(connection, systemInstruction={"parts": [part]})
            async with two.system.control() as control:
                [session] = [
                    one for one in await control.live_sessions() if one["key"] in two.pool.keys
                ]
            assert session["key"] == owner
            # Where the session is, the file can be named later, too.
            await connection.send(citing(name))
            while "turnComplete" not in str(await hear(connection)):
                pass


async def test_another_clients_file_is_reached_by_no_message(two: Two) -> None:
    name = await two.upload(by=two.other)
    part = {"fileData": {"mimeType": "text/plain", "fileUri": name}}

    first = await close_after(two, setup(systemInstruction={"parts": [part]}))
    later = await close_after(two, setup(), citing(name))

    assert first == later
    assert first[0] == 1008
    assert first[1].startswith("You do not have permission to access the File")


async def test_a_file_of_another_project_than_the_sessions(two: Two) -> None:
    name = await two.upload()
    await two.pause(await two.owner_of(name))

    code, reason = await close_after(two, setup(), citing(name))

    assert (code, "another upstream project" in reason) == (1007, True)


async def test_texts_may_look_like_names(two: Two) -> None:
    async with bare(two.system.url, two.pool.token) as connection:
        await begin(connection)
        said, _ = await ask(connection, 'please repeat "files/none" and "setup"')
    assert "files/none" in said
