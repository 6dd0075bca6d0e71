import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.sse import SseReader, events_of

TEXTS = st.text(max_size=30)


def frame(event: Any, end: str = "\r\n\r\n") -> bytes:
    return f"data: {json.dumps(event)}{end}".encode()


def chunk(text: str, **candidate: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": text}]}, **candidate}]}


def cut(data: bytes, points: list[int]) -> list[bytes]:
    """Cut data at points given as any numbers."""
    places = sorted({point % (len(data) + 1) for point in points} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


def read(pieces: list[bytes]) -> tuple[SseReader, bytes]:
    reader, out = SseReader(), b""
    for piece in pieces:
        block = reader.feed(piece)
        assert not block or block.endswith((b"\r\n\r\n", b"\n\n")), "half an event got through"
        out += block
        if reader.error:
            return reader, out
    return reader, out + reader.end()


@given(
    st.lists(TEXTS, max_size=6),
    st.lists(st.integers(min_value=0), max_size=12),
    st.sampled_from(["\r\n\r\n", "\n\n"]),
)
def test_any_cut_of_a_complete_stream_passes_unchanged(
    texts: list[str], points: list[int], end: str
) -> None:
    events = [chunk(text) for text in texts]
    events.append(chunk("end", finishReason="STOP") | {"usageMetadata": {"promptTokenCount": 7}})
    data = b"".join(frame(event, end) for event in events)

    reader, out = read(cut(data, points))

    assert out == data
    assert reader.finished
    assert reader.error is None
    assert reader.usage is not None
    assert reader.usage.input == 7
    assert [json.loads(payload) for payload in events_of(out)] == events


@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(min_value=0))
def test_no_prefix_of_a_stream_passes_for_a_complete_one(texts: list[str], at: int) -> None:
    events = [chunk(text) for text in texts]
    last = frame(chunk("end", finishReason="STOP"))
    data = b"".join(frame(event) for event in events) + last
    # The blank line after the last event may be missing; nothing else may.
    prefix = data[: at % (len(data) - 4)]

    reader, _ = read([prefix])

    assert not reader.finished


@pytest.mark.parametrize(
    "tail",
    [
        b'data: {"error": {"code": 503, "message": "overloaded"}}\r\n\r\n',
        b'data: {"error":{"code":503,"message":"overloaded"}}',
        b'{\n  "error": {\n    "code": 503,\n    "message": "overloaded"\n  }\n}\n',
        b'[{"error": {"code": 503, "message": "overloaded"}}]',
    ],
)
@pytest.mark.parametrize("finish", [{}, {"finishReason": "STOP"}])
def test_an_error_inside_the_stream_is_noticed_and_kept_back(
    tail: bytes, finish: dict[str, str]
) -> None:
    good = frame(chunk("some", **finish))

    reader, out = read([good + tail])

    assert out == good
    assert reader.error is not None
    assert reader.error["code"] == 503


def test_the_word_error_in_an_answer_is_no_error() -> None:
    data = frame(chunk('say "error"', finishReason="STOP"))
    data_with_args = frame(
        {
            "candidates": [
                {
                    "content": {
                        "parts": [{"functionCall": {"name": "f", "args": {"error": {"code": 1}}}}]
                    },
                    "finishReason": "STOP",
                }
            ]
        }
    )

    for stream in (data, data_with_args):
        reader, out = read([stream])
        assert out == stream
        assert reader.error is None
        assert reader.finished


def test_an_argument_named_like_the_finish_reason_ends_nothing() -> None:
    call = {"functionCall": {"name": "f", "args": {"finishReason": "STOP"}}}
    reader, _ = read([frame({"candidates": [{"content": {"parts": [call]}}]})])

    assert not reader.finished


def test_a_blocked_prompt_is_a_complete_answer() -> None:
    reader, _ = read([frame({"promptFeedback": {"blockReason": "SAFETY"}})])

    assert reader.finished


def test_blank_lines_between_events_pass() -> None:
    data = b"\r\n" + frame(chunk("a")) + b"\r\n\r\n" + frame(chunk("b", finishReason="STOP"))
    reader, out = read([data])

    assert out == data
    assert reader.finished
