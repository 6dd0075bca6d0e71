"""Sound with OpenAI's SDK for JavaScript, whose forms begin with the file."""

import base64

import pytest

from tests.support.client_programs import CLIENTS, NODE, run_client
from tests.support.sound import decode
from tests.support.system import System


async def test_what_is_said_is_written_down(system: System) -> None:
    pool = await system.new_pool(3)

    spoken, whole, streamed, verbose = await run_client(
        NODE, str(CLIENTS / "openai_audio.js"), system.url, stdin=pool.token
    )

    assert spoken["type"] == "audio/wav"
    sound = decode(base64.b64decode(spoken["wav"]))
    assert whole["text"]
    assert streamed["kinds"] == ["transcript.text.delta", "transcript.text.done"]
    assert streamed["streamed"] == whole["text"]
    assert verbose["segments"] >= 1
    assert verbose["duration"] == pytest.approx(sound.seconds, abs=0.05)
