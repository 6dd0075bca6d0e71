"""Conversations through Google's own client, over every version of the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb
from google import genai
from google.genai import errors, types

from tests.e2e.live.conftest import Behind
from tests.support.live import TALK
from tests.support.system import Pool, System
from tests.support.waiting import eventually

TEXT = types.LiveConnectConfig(response_modalities=[types.Modality.TEXT])


def words(text: str) -> types.Content:
    return types.Content(role="user", parts=[types.Part(text=text)])


async def test_a_conversation_in_text(live: genai.Client, system: System, pool: Pool) -> None:
    async with live.aio.live.connect(model=TALK, config=TEXT) as session:
        for plum in ("plum", "damson"):
            await session.send_client_content(turns=words(f"please repeat {plum}"))
            messages = [message async for message in session.receive()]

            assert plum in "".join(message.text or "" for message in messages)
            assert messages[-1].usage_metadata
            assert messages[-1].usage_metadata.total_token_count

    async def ended() -> list[Any]:
        async with system.control() as control:
            return [one for one in await control.requests() if one.key in pool.keys]

    [seen] = await eventually(ended, lambda found: len(found) == 1)
    assert (seen.verb, seen.model, seen.outcome) == ("bidiGenerateContent", TALK, "200")
    assert pool.token not in f"{seen.query} {seen.headers} {seen.body!r}"
    assert "key=" not in seen.query


async def test_a_conversation_in_sound(live: genai.Client) -> None:
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
    )
    async with live.aio.live.connect(model=TALK, config=config) as session:
        for _ in range(20):
            blob = types.Blob(data=bytes(3200), mime_type="audio/pcm;rate=16000")
            await session.send_realtime_input(audio=blob)
        await session.send_realtime_input(audio_stream_end=True)
        messages = [message async for message in session.receive()]

    sound = b"".join(message.data or b"" for message in messages)
    contents = [message.server_content for message in messages if message.server_content]
    heard = [one.input_transcription.text for one in contents if one.input_transcription]
    assert len(sound) == 2 * 24_000
    assert heard == ["64000 bytes of sound"]
    assert any(one.output_transcription for one in contents)


async def test_a_tool_is_called_and_answered(live: genai.Client) -> None:
    schema = types.Schema(
        type=types.Type.OBJECT, properties={"place": types.Schema(type=types.Type.STRING)}
    )
    weather = types.FunctionDeclaration(name="weather", description="Weather", parameters=schema)
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.TEXT],
        tools=[types.Tool(function_declarations=[weather])],
    )
    async with live.aio.live.connect(model=TALK, config=config) as session:
        await session.send_client_content(turns=words("how is the weather?"))
        called = None
        async for message in session.receive():
            if message.tool_call:
                called = message.tool_call
                break
        assert called
        assert called.function_calls
        [call] = called.function_calls
        answer = types.FunctionResponse(id=call.id, name=call.name, response={"sky": "blue"})
        await session.send_tool_response(function_responses=[answer])
        said = "".join([message.text or "" async for message in session.receive()])

    assert call.name == "weather"
    assert "weather returned" in said
    assert "blue" in said


async def test_a_bad_token_is_an_error_that_says_so(behind: Behind) -> None:
    client = behind.sdk("sk-nobody-000000")

    with pytest.raises(errors.APIError) as caught:
        async with client.aio.live.connect(model=TALK, config=TEXT):
            raise AssertionError("the session was opened")

    assert caught.value.code == 1008
    assert "The token was refused" in str(caught.value)


async def test_tokens_are_counted(system: System, behind: Behind) -> None:
    pool = await system.new_pool(1)
    client = behind.sdk(pool.token)
    counted = []
    async with client.aio.live.connect(model=TALK, config=TEXT) as session:
        for _ in range(2):
            await session.send_client_content(turns=words("please repeat plum"))
            messages = [message async for message in session.receive()]
            counted.append(messages[-1].usage_metadata)

    async def used() -> list[tuple[int, int]]:
        request = pb.QueryUsageRequest(pool=pool.name)
        request.start_time.FromDatetime(datetime.now(UTC) - timedelta(hours=1))
        async with system.admin() as admin:
            usage = await admin.call("QueryUsage", request)
        return [(row.input_tokens, row.output_tokens) for row in usage.rows]

    heard = sum(usage.prompt_token_count or 0 for usage in counted if usage)
    said = sum(usage.response_token_count or 0 for usage in counted if usage)
    await eventually(used, lambda found: found == [(heard, said)])
