"""How the network cuts a stream into pieces makes no difference to any client."""

import asyncio
import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.openai.recordings import recordings
from tests.unit.edge.reading import FORMS, Heard, asked, heard

EDGE = EdgeInMemory()

_PARTS = st.one_of(
    st.builds(lambda text: {"text": text}, st.text(max_size=12)),
    st.builds(lambda text: {"text": text, "thought": True}, st.text(max_size=5)),
    st.builds(
        lambda name, args: {
            "functionCall": {"name": name, "args": args},
            "thoughtSignature": "c2ln",
        },
        st.sampled_from(["f", "g"]),
        st.dictionaries(st.text(max_size=4), st.text(max_size=6) | st.integers(-9, 9), max_size=3),
    ),
    st.just({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
    st.just({"executableCode": {"code": "\r\n\r\ndata: 1", "language": "PYTHON"}}),
)
_EVENTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "candidates": st.lists(
                st.fixed_dictionaries(
                    {"content": st.builds(lambda p: {"parts": p}, st.lists(_PARTS, max_size=3))},
                    optional={"finishReason": st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY"])},
                ),
                max_size=1,
            ),
            "usageMetadata": st.just({"promptTokenCount": 3, "totalTokenCount": 5}),
            "error": st.just({"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}),
        },
    ),
    min_size=1,
    max_size=5,
)


def _joined(events: list[dict[str, Any]], end: bytes, is_ended: bool) -> bytes:
    stream = b"".join(b"data: " + orjson.dumps(event) + end for event in events)
    return stream if is_ended else stream[: -len(end)]


_STREAMS = st.builds(_joined, _EVENTS, st.sampled_from([b"\r\n\r\n", b"\n\n"]), st.booleans())


def pieces_of(stream: bytes, points: list[int]) -> list[bytes]:
    places = sorted({point % (len(stream) + 1) for point in points} | {0, len(stream)})
    return [stream[a:b] for a, b in itertools.pairwise(places)]


def told(form: str, pieces: list[bytes], breaks: bool) -> tuple[Heard, list[str]]:
    target, body = asked(form)
    EDGE.desk.endings.clear()
    answer = asyncio.run(EDGE.post(target, body, Script(pieces, breaks=breaks)))
    return heard(form, answer), [*EDGE.desk.endings]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None)
@given(_STREAMS, st.lists(st.integers(min_value=0), max_size=12), st.booleans())
def test_any_split_of_any_stream(form: str, stream: bytes, points: list[int], breaks: bool) -> None:
    whole = told(form, [stream], breaks)

    assert told(form, pieces_of(stream, points), breaks) == whole
    assert told(form, [bytes([byte]) for byte in stream], breaks) == whole


@pytest.mark.parametrize("form", FORMS)
def test_recorded_streams_byte_by_byte(form: str) -> None:
    for item in recordings("streamGenerateContent"):
        pieces = [item.raw[at : at + 1] for at in range(len(item.raw))]

        assert told(form, pieces, False) == told(form, [item.raw], False), item.name
