"""Streams as one JSON array."""

import orjson
import pytest

from services.edge.calls import stream_query
from services.edge.gemini_voices import ArrayVoice
from tests.support.edge_in_memory import EdgeInMemory, Script

TARGET = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
ASK = {"contents": [{"parts": [{"text": "hi"}]}]}


def event(**fields: object) -> bytes:
    candidate = {"content": {"parts": [{"text": "a"}]}} | fields
    return b"data: " + orjson.dumps({"candidates": [candidate]}) + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("query", "sent", "is_array"),
    [
        ("", "alt=sse", False),
        ("alt=sse", "alt=sse", False),
        ("alt=json", "alt=sse", True),
        ("a=1&alt=JSON&b=%20", "a=1&b=%20&alt=sse", True),
        ("%24alt=json", "alt=sse", True),
        ("$alt=json&alt=sse", "alt=sse", False),
        ("alt=proto", "alt=sse", False),
        ("salt=json", "salt=json&alt=sse", False),
    ],
)
def test_the_form_that_is_asked_for(query: str, sent: str, is_array: bool) -> None:
    assert stream_query(query) == (sent, is_array)


async def test_a_whole_array() -> None:
    edge = EdgeInMemory()
    script = Script([event(), event(finishReason="STOP")])

    answer = await edge.post(f"{TARGET}?alt=json", ASK, script)

    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert [sorted(item["candidates"][0]) for item in answer.json()] == [
        ["content"],
        ["content", "finishReason"],
    ]
    assert answer.is_ended
    assert edge.desk.endings == ["succeeded"]
    assert edge.upstream.calls[-1].target == f"{TARGET}?alt=sse"


async def test_an_array_that_is_cut() -> None:
    edge = EdgeInMemory()

    answer = await edge.post(f"{TARGET}?alt=json", ASK, Script([event()]))

    assert not answer.is_ended
    first, error = orjson.loads(answer.body + b"]")
    assert first["candidates"]
    assert error["error"]["code"] == 502
    assert edge.desk.endings == ["failed"]


async def test_an_event_that_is_no_json_cuts_the_array() -> None:
    edge = EdgeInMemory()
    script = Script([event(), b"data: {nonsense}\r\n\r\n", event(finishReason="STOP")])

    answer = await edge.post(f"{TARGET}?alt=json", ASK, script)

    assert not answer.is_ended
    assert len(orjson.loads(answer.body + b"]")) == 2


def test_failure_after_signs_of_life_is_googles_list() -> None:
    voice = ArrayVoice()

    told = voice.heartbeat() + voice.heartbeat() + voice.failed(b'{"error":{"code":429}}')

    assert orjson.loads(told) == [{"error": {"code": 429}}]
