"""Transcripts through the real `openai` SDK: small sounds inline, large ones as files."""

import json
import re
from typing import Any

import openai
import pytest

from services.edge.audio.listening import INLINE_BYTES
from services.simulator.control import Received
from services.simulator.faults import FaultKind
from tests.support.sound import wav
from tests.support.system import Pool, System

SECONDS = 20
SOUND = ("speech.wav", wav(SECONDS))
ROUTE = "/v1/audio/transcriptions"


async def generated(system: System, pool: Pool) -> Received:
    """Return the last call of a model with the pool's keys."""
    async with system.control() as control:
        return [
            each
            for each in await control.requests(200)
            if each.key in pool.keys and "enerateContent" in each.verb
        ][-1]


async def test_json_is_answered_unless_another_form_is_asked_for(
    system: System, pool: Pool, sdk: openai.AsyncOpenAI
) -> None:
    answer = await sdk.audio.transcriptions.with_raw_response.create(
        model="whisper-1", file=SOUND, language="en", prompt="Ozymandias", temperature=0.5
    )

    assert answer.headers["content-type"] == "application/json"
    transcript = answer.parse()
    assert len(transcript.text.split()) > SECONDS
    assert transcript.usage is not None
    assert transcript.usage.type == "tokens"
    assert transcript.usage.input_token_details is not None
    assert transcript.usage.input_token_details.audio_tokens == SECONDS * 32
    sent = await generated(system, pool)
    assert sent.model == "gemini-2.5-flash"
    head = sent.body[:200]
    assert b'"mimeType":"audio/wav"' in head


async def test_the_small_print_reaches_the_model(
    system: System, pool: Pool, sdk: openai.AsyncOpenAI
) -> None:
    await sdk.audio.transcriptions.create(
        model="gpt-4o-transcribe",
        file=("a.wav", wav(0.5)),
        language="de",
        prompt="Grüße",
        temperature=0.25,
    )

    sent = (await generated(system, pool)).json()
    [_, words] = sent["contents"][0]["parts"]
    assert "'de'" in words["text"]
    assert words["text"].endswith("Grüße")
    assert sent["generationConfig"] == {"temperature": 0.25}


async def test_text_srt_and_vtt_hold_the_same_words(sdk: openai.AsyncOpenAI) -> None:
    text: str = await sdk.audio.transcriptions.create(
        model="whisper-1", file=SOUND, response_format="text"
    )
    srt: str = await sdk.audio.transcriptions.create(
        model="whisper-1", file=SOUND, response_format="srt"
    )
    vtt: str = await sdk.audio.transcriptions.create(
        model="whisper-1", file=SOUND, response_format="vtt"
    )

    cues = re.findall(r"(\d+)\n(00:00:\d\d,\d{3}) --> (00:00:\d\d,\d{3})\n(.+)\n\n", srt)
    assert [number for number, *_ in cues] == [str(n + 1) for n in range(len(cues))]
    assert (cues[0][1], cues[-1][2]) == ("00:00:00,000", f"00:00:{SECONDS},000")
    assert " ".join(words for *_, words in cues) == text.strip()
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert re.findall(r"-->.*\n(.+)\n", vtt) == [words for *_, words in cues]


async def test_verbose_json_has_segments_a_language_and_the_length(
    sdk: openai.AsyncOpenAI,
) -> None:
    answer = await sdk.audio.transcriptions.create(
        model="whisper-1",
        file=SOUND,
        response_format="verbose_json",
        timestamp_granularities=["segment"],
    )

    assert answer.language == "english"
    assert answer.duration == SECONDS
    assert answer.segments
    assert answer.segments[0].start == 0
    assert answer.segments[-1].end == SECONDS
    assert " ".join(each.text for each in answer.segments) == answer.text


async def test_a_stream_tells_the_words_as_they_come(sdk: openai.AsyncOpenAI) -> None:
    whole = await sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=SOUND)

    stream = await sdk.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=SOUND, stream=True
    )
    events = [event async for event in stream]

    *deltas, done = events
    assert len(deltas) > 1
    assert {delta.type for delta in deltas} == {"transcript.text.delta"}
    assert done.type == "transcript.text.done"
    assert done.text == whole.text
    assert "".join(getattr(delta, "delta", "") for delta in deltas) == whole.text
    assert done.usage is not None
    assert done.usage.total_tokens > SECONDS * 32


async def test_a_translation_is_english(system: System, pool: Pool) -> None:
    # The SDK calls it deprecated, and warns.
    async with system.client(pool) as client:
        answer = await client.post(
            "/v1/audio/translations",
            data={"model": "whisper-1", "language": "de"},
            files={"file": ("a.wav", wav(0.5))},
        )

    assert answer.json()["text"]
    assert answer.headers["x-gemini-balance-ignored"] == "language"
    [_, words] = (await generated(system, pool)).json()["contents"][0]["parts"]
    assert "into English" in words["text"]


class TestLargeSounds:
    """Longer than what goes inline: through the files service, and gone afterwards."""

    LARGE = wav(INLINE_BYTES / 32_000 + 1)

    async def test_it_is_cited_and_forgotten(
        self, system: System, pool: Pool, sdk: openai.AsyncOpenAI
    ) -> None:
        answer = await sdk.audio.transcriptions.create(
            model="whisper-1", file=("long.wav", self.LARGE)
        )

        assert answer.text
        sent = (await generated(system, pool)).json()
        cited = sent["contents"][0]["parts"][0]["fileData"]
        assert cited["mimeType"] == "audio/wav"
        assert "/files/" in cited["fileUri"]
        assert [file async for file in await sdk.files.list()] == []
        async with system.control() as control:
            tally = await control.counts()
        deleted = sum(tally.of(key).by_verb.get("files.delete", 0) for key in pool.keys)
        assert deleted == 1

    async def test_it_is_waited_for_while_google_works_on_it(
        self, system: System, sdk: openai.AsyncOpenAI
    ) -> None:
        async with system.control() as control:
            await control.set_behaviour(processing_seconds=1)
            try:
                answer = await sdk.audio.transcriptions.create(
                    model="whisper-1", file=("long.wav", self.LARGE)
                )
            finally:
                await control.set_behaviour(processing_seconds=0)

        assert answer.text

    async def test_it_is_refused_when_google_cannot_process_it(
        self, system: System, sdk: openai.AsyncOpenAI
    ) -> None:
        async with system.control() as control:
            await control.set_behaviour(processing_fails=True)
            try:
                with pytest.raises(openai.BadRequestError, match="cannot process"):
                    await sdk.audio.transcriptions.create(
                        model="whisper-1", file=("long.wav", self.LARGE)
                    )
            finally:
                await control.set_behaviour(processing_fails=False)

    async def test_it_is_forgotten_after_a_failure_too(
        self, system: System, pool: Pool, sdk: openai.AsyncOpenAI
    ) -> None:
        with pytest.raises(openai.BadRequestError):
            await sdk.audio.transcriptions.create(
                model="whisper-1", file=("long.wav", self.LARGE), prompt="[[safety]]", stream=False
            )

        assert [file async for file in await sdk.files.list()] == []

    async def test_a_mistake_behind_it_is_told_and_leaves_nothing(
        self, system: System, pool: Pool
    ) -> None:
        async with system.client(pool) as client:
            answer = await client.post(
                ROUTE,
                files=[
                    ("file", ("long.wav", self.LARGE)),
                    ("model", (None, "whisper-1")),
                    ("response_format", (None, "nonsense")),
                ],
            )
            listed = (await client.get("/v1/files")).json()["data"]

        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "response_format"
        assert listed == []


class TestFailures:
    @pytest.mark.parametrize("stream", ["true", "false"])
    @pytest.mark.parametrize("word", ["block", "safety"])
    async def test_what_is_not_transcribed_is_400(
        self, system: System, pool: Pool, word: str, stream: str
    ) -> None:
        form = {"model": "whisper-1", "prompt": f"[[{word}]]", "stream": stream}
        async with system.client(pool) as client:
            answer = await client.post(ROUTE, data=form, files={"file": SOUND})

        assert answer.status_code == 400
        error = answer.json()["error"]
        assert (error["code"], error["param"]) == ("content_policy_violation", "file")

    async def test_a_key_that_is_refused_is_replaced(
        self, system: System, pool: Pool, sdk: openai.AsyncOpenAI
    ) -> None:
        async with system.control() as control:
            for key in pool.keys[:2]:
                await control.add_fault("rate_limit_minute", key=key, verb="generateContent")

        assert (await sdk.audio.transcriptions.create(model="whisper-1", file=SOUND)).text

    @pytest.mark.parametrize("kind", ["truncate", "error_chunk"])
    async def test_a_broken_stream_tells_so(
        self, system: System, pool: Pool, kind: FaultKind
    ) -> None:
        async with system.control() as control:
            for key in pool.keys:
                await control.add_fault(kind, key=key, count=None, after_chunks=1)
        async with system.client(pool) as client:
            answer = await client.post(
                ROUTE, data={"model": "whisper-1", "stream": "true"}, files={"file": SOUND}
            )

        last = json.loads(answer.text.strip().split("\n\n")[-1].removeprefix("data: "))
        assert last["error"]["message"]
        assert "transcript.text.done" not in answer.text


@pytest.mark.parametrize("route", [ROUTE, "/v1/audio/translations"])
@pytest.mark.parametrize(
    ("form", "file", "param"),
    [
        ({"model": "whisper-1"}, None, "file"),
        ({"model": "whisper-1"}, ("a.wav", b""), "file"),
        ({"model": "whisper-1"}, ("a.txt", b"not a sound"), "file"),
        ({}, SOUND, "model"),
        ({"model": "../x"}, SOUND, "model"),
        ({"model": "whisper-1", "response_format": "xml"}, SOUND, "response_format"),
        ({"model": "whisper-1", "temperature": "9"}, SOUND, "temperature"),
        ({"model": "whisper-1", "stream": "maybe"}, SOUND, "stream"),
        (
            {"model": "whisper-1", "timestamp_granularities[]": "word"},
            SOUND,
            "timestamp_granularities",
        ),
    ],
)
async def test_bad_input_costs_nothing_upstream(
    system: System, route: str, form: dict[str, str], file: Any, param: str
) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        # Without a file the fields alone would be sent in another encoding.
        answer = await client.post(route, data=form, files={"file": file} if file else [("x", b"")])

    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] == param
    async with system.control() as control:
        assert pool.keys[0] not in (await control.counts()).keys
