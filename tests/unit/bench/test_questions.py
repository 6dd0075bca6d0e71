import orjson
import pytest

from bench.load.connection import Address
from bench.scenarios import questions
from bench.target import Question, Target
from bench.upstream.answers import MODEL, plain_body, stream_events, stream_text

EVENTS = b"".join(stream_events(MODEL))


def chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n"


def told_in_two(text: str) -> bytes:
    half = len(text) // 2
    return chunk(text[:half]) + chunk(text[half:], "stop")


WHOLE = told_in_two(stream_text(MODEL))
CUT = told_in_two(stream_text(MODEL)[:-1])


@pytest.mark.parametrize(
    ("question", "body", "right", "means"),
    [
        (questions.gemini_stream(MODEL), EVENTS, True, True),
        (questions.gemini_stream(MODEL), b"\r\n\r\n" + EVENTS, True, True),
        (questions.gemini_stream(MODEL), EVENTS.replace(b"\r\n", b"\n"), False, True),
        (questions.gemini_stream(MODEL), EVENTS[:-1], False, True),
        (questions.gemini_stream(MODEL), b"".join(stream_events(MODEL)[:-1]), False, False),
        (questions.chat_stream(MODEL), WHOLE + b"data: [DONE]\n\n", True, True),
        (questions.chat_stream(MODEL), WHOLE, False, True),
        (questions.chat_stream(MODEL), CUT + b"data: [DONE]\n\n", False, False),
    ],
)
def test_streams_are_judged_by_all_they_say(
    question: Question, body: bytes, right: bool, means: bool
) -> None:
    ours = Target(Address("127.0.0.1", (1,)), {})
    peer = Target(Address("127.0.0.1", (1,)), {}, is_peer=True)

    assert ours.check(question)(body) is right
    assert peer.check(question)(body) is means


def test_plain_answers_are_judged_by_every_byte() -> None:
    body = plain_body(MODEL)

    assert questions.gemini(MODEL).check(body)
    assert not questions.gemini(MODEL).check(body[:-1] + b" ")
