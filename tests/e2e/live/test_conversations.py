"""Conversations through Google's own client."""

from typing import Any

from google import genai
from google.genai import types

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
    assert seen.verb == "bidiGenerateContent"
    assert seen.outcome == "200"
    assert pool.token not in f"{seen.query} {seen.headers} {seen.body!r}"
    assert "key=" not in seen.query
