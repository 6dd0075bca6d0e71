"""Speech through the real `openai` SDK, heard back with a decoder."""

import base64
import json
from typing import Literal

import httpx
import openai
import pytest

from services.simulator.faults import FaultKind
from tests.support.sound import Sound, decode, decode_pcm
from tests.support.system import Pool, System

# The simulated voice says twenty characters a second.
TEXT = "A tale of an otter, told slowly and well. " * 2
SECONDS = len(TEXT) / 20
PADDING = 0.12
Format = Literal["wav", "pcm", "mp3", "opus", "aac", "flac"]
FORMATS: dict[Format, tuple[str, str]] = {
    "wav": ("audio/wav", "wav"),
    "pcm": ("audio/pcm", "pcm"),
    "mp3": ("audio/mpeg", "mp3"),
    "opus": ("audio/ogg", "ogg"),
    "aac": ("audio/aac", "aac"),
    "flac": ("audio/flac", "flac"),
}
# The one format that is always told at this rate.
RATES = {"opus": 48_000}


def heard(data: bytes, form: Format) -> Sound:
    return decode_pcm(data, 24_000) if form == "pcm" else decode(data)


async def test_wav_is_answered_unless_another_format_is_asked_for(
    sdk: openai.AsyncOpenAI,
) -> None:
    answer = await sdk.audio.speech.with_raw_response.create(
        model="tts-1", voice="alloy", input=TEXT
    )

    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["x-gemini-balance-attempts"] == "1"
    sound = decode(answer.content)
    assert (sound.form, sound.rate) == ("wav", 24_000)
    assert sound.seconds == pytest.approx(SECONDS, abs=0.001)


@pytest.mark.parametrize("speed", [1.0, 2.0, 0.5])
@pytest.mark.parametrize("form", FORMATS)
async def test_every_format_at_every_speed(
    sdk: openai.AsyncOpenAI, form: Format, speed: float
) -> None:
    answer = await sdk.audio.speech.with_raw_response.create(
        model="gpt-4o-mini-tts", voice="nova", input=TEXT, response_format=form, speed=speed
    )

    sound = heard(answer.content, form)
    assert (answer.headers["content-type"], sound.form) == FORMATS[form]
    assert sound.rate == RATES.get(form, 24_000)
    assert sound.seconds == pytest.approx(SECONDS / speed, abs=PADDING)
    assert sound.pitch == pytest.approx(220, rel=0.05), "the pitch stays"


@pytest.mark.parametrize("form", FORMATS)
async def test_a_streamed_file_is_as_good_as_a_whole_one(
    sdk: openai.AsyncOpenAI, form: Format
) -> None:
    async with sdk.audio.speech.with_streaming_response.create(
        model="tts-1-hd",
        voice="onyx",
        input=TEXT,
        response_format=form,
        speed=1.25,
        stream_format="audio",
    ) as answer:
        assert "content-length" not in answer.headers
        data = await answer.read()

    sound = heard(data, form)
    assert sound.form == FORMATS[form][1]
    assert sound.seconds == pytest.approx(SECONDS / 1.25, abs=PADDING)


async def test_events_hold_the_same_sound_and_the_count_of_tokens(
    system: System, pool: Pool
) -> None:
    order = {"model": "tts-1", "voice": "alloy", "input": TEXT, "stream_format": "sse"}
    async with system.client(pool) as client:
        answer = await client.post("/v1/audio/speech", json=order | {"response_format": "pcm"})
        plain = await client.post(
            "/v1/audio/speech", json=order | {"response_format": "pcm", "stream_format": None}
        )

    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    *deltas, done = [json.loads(line) for line in lines]
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(delta["audio"]) for delta in deltas) == plain.content
    assert done["type"] == "speech.audio.done"
    assert done["usage"]["output_tokens"] > 0
    assert done["usage"]["total_tokens"] > done["usage"]["output_tokens"]


async def test_the_model_the_voice_and_the_manner_reach_the_model(
    system: System, sdk: openai.AsyncOpenAI
) -> None:
    await sdk.audio.speech.create(
        model="tts-1", voice="Kore", input="Good evening.", instructions="Whisper."
    )

    async with system.control() as control:
        [sent] = await control.requests(1)
    assert sent.model == "gemini-2.5-flash-preview-tts"
    text = sent.json()["contents"][0]["parts"][0]["text"]
    assert "Whisper." in text
    assert "Good evening." in text
    assert b'"voiceName":"Kore"' in sent.body


class TestFailures:
    async def test_a_key_that_is_refused_is_replaced(
        self, system: System, pool: Pool, sdk: openai.AsyncOpenAI
    ) -> None:
        async with system.control() as control:
            for key in pool.keys[:2]:
                await control.add_fault("rate_limit_minute", key=key, count=1)

        answer = await sdk.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)

        assert decode(answer.content).seconds == pytest.approx(SECONDS, abs=0.001)

    @pytest.mark.parametrize("stream", [None, "audio", "sse"])
    @pytest.mark.parametrize("word", ["block", "safety"])
    async def test_a_text_that_is_not_spoken_is_400(
        self, system: System, pool: Pool, word: str, stream: str | None
    ) -> None:
        async with system.client(pool) as client:
            answer = await client.post(
                "/v1/audio/speech",
                json={"model": "tts-1", "input": f"[[{word}]]", "stream_format": stream},
            )

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "content_policy_violation"

    async def test_a_voice_that_nobody_has_is_googles_400(self, sdk: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.BadRequestError, match="Allowed voice names are"):
            await sdk.audio.speech.create(model="tts-1", voice="nobody", input=TEXT)

    async def test_a_model_that_says_nothing_is_asked_once_more(self, system: System) -> None:
        pool = await system.new_pool(1)
        async with system.control() as control, system.client(pool) as client:
            await control.add_fault("empty_answer", key=pool.keys[0], count=1)
            answer = await client.post("/v1/audio/speech", json={"model": "tts-1", "input": TEXT})
            tally = await control.counts()

        assert decode(answer.content).seconds == pytest.approx(SECONDS, abs=0.001)
        assert tally.of(pool.keys[0]).requests == 2

    @pytest.mark.parametrize("stream", [None, "audio"])
    async def test_an_empty_answer_is_no_speech(
        self, system: System, pool: Pool, stream: str | None
    ) -> None:
        async with system.control() as control:
            for key in pool.keys:
                await control.add_fault("empty_answer", key=key, count=None)
        async with system.client(pool) as client:
            answer = await client.post(
                "/v1/audio/speech",
                json={"model": "tts-1", "input": TEXT, "stream_format": stream},
            )

        assert answer.status_code == 502
        assert answer.json()["error"]["code"] == "no_speech"

    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize("kind", ["truncate", "error_chunk"])
    async def test_what_came_is_passed_on_and_a_break_breaks_the_connection(
        self, system: System, pool: Pool, kind: FaultKind, form: Format
    ) -> None:
        async with system.control() as control:
            for key in pool.keys:
                await control.add_fault(kind, key=key, count=None, after_chunks=4)
        order = {"model": "tts-1", "input": TEXT, "stream_format": "audio"}
        data = b""
        async with (
            system.client(pool) as client,
            client.stream(
                "POST", "/v1/audio/speech", json=order | {"response_format": form}
            ) as answer,
        ):
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                async for piece in answer.aiter_raw():
                    data += piece

        assert heard(data, form).samples

    async def test_a_broken_stream_of_events_tells_so(self, system: System, pool: Pool) -> None:
        async with system.control() as control:
            for key in pool.keys:
                await control.add_fault("truncate", key=key, count=None, after_chunks=2)
        async with system.client(pool) as client:
            answer = await client.post(
                "/v1/audio/speech",
                json={"model": "tts-1", "input": TEXT, "stream_format": "sse"},
            )

        last = json.loads(answer.text.strip().split("\n\n")[-1].removeprefix("data: "))
        assert last["error"]["code"] == "truncated"
        assert "speech.audio.done" not in answer.text


@pytest.mark.parametrize(
    "order",
    [
        {"model": "tts-1", "input": ""},
        {"model": "tts-1", "input": "a" * 4097},
        {"model": "tts-1"},
        {"input": "a"},
        {"model": "tts-1", "input": "a", "speed": 9},
        {"model": "tts-1", "input": "a", "response_format": "ogg"},
        {"model": "tts-1", "input": "a", "voice": {"id": "voice_1"}},
        {"model": "a/b", "input": "a"},
        [],
    ],
    ids=str,
)
async def test_bad_input_costs_nothing_upstream(system: System, order: object) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        answer = await client.post("/v1/audio/speech", json=order)

    assert answer.status_code == 400, answer.text
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    async with system.control() as control:
        assert pool.keys[0] not in (await control.counts()).keys
