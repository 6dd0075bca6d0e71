"""A stream that is cut, wherever that is, never ends like a complete one."""

from collections.abc import Iterator

import orjson
import pytest

from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.openai.recordings import recordings
from tests.unit.edge.reading import EVENTS, FORMS, MESSAGES, OPENAI, RESPONSES, asked, heard

_SHORT = 2_300
_AROUND = 6


def event(text: str, index: int = 0, end: str | None = None) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": index}
    if end:
        candidate["finishReason"] = end
    return b"data: " + orjson.dumps({"candidates": [candidate]}) + b"\r\n\r\n"


def cuts(stream: bytes) -> Iterator[int]:
    """Yield every place in a short stream, and those around the ends of events in a long one."""
    if len(stream) <= _SHORT:
        yield from range(len(stream))
        return
    places: set[int] = set()
    end = 0
    while (end := stream.find(b"\r\n\r\n", end)) >= 0:
        end += 4
        places.update(range(end - 4 - _AROUND, end + _AROUND))
    yield from sorted(place for place in places if place < len(stream))


async def check_cuts(edge: EdgeInMemory, form: str, stream: bytes) -> int:
    """Cut a stream in every way, and return how often a client was told so."""
    target, body = asked(form)
    whole = heard(form, await edge.post(target, body, Script([stream])))
    assert whole.finished
    assert not whole.told
    count = 0
    for place in cuts(stream):
        for breaks in (False, True):
            script = Script([stream[:place]], breaks=breaks)
            answer = heard(form, await edge.post(target, body, script))
            if answer.told:
                assert answer.items == whole.items[: len(answer.items)], place
                count += 1
                continue
            # Only what ends events is missing: a client has heard everything.
            assert answer.finished, (form, place, breaks)
            assert answer.items == whole.items, (form, place, breaks)
            assert not stream[place:].strip(), (form, place, breaks)
    return count


@pytest.mark.parametrize("form", FORMS)
async def test_recorded_streams(form: str) -> None:
    edge = EdgeInMemory()
    streams = [item.raw for item in recordings("streamGenerateContent")]
    assert len([stream for stream in streams if len(stream) <= _SHORT]) >= 5
    for stream in streams:
        assert await check_cuts(edge, form, stream) >= 2 * len(list(cuts(stream))) - 8


# One candidate is all that clients of the others can ask for.
@pytest.mark.parametrize("form", [form for form in FORMS if form not in {MESSAGES, RESPONSES}])
async def test_candidates_that_end_one_after_the_other(form: str) -> None:
    stream = b"".join(
        [event("a"), event("b", 1), event("", 0, "STOP"), event("c", 1), event("", 1, "MAX_TOKENS")]
    )

    assert await check_cuts(EdgeInMemory(), form, stream) > len(stream)


@pytest.mark.parametrize("form", FORMS)
async def test_a_break_within_what_follows_the_finish_reason(form: str) -> None:
    edge = EdgeInMemory()
    stream = event("a", 0, "STOP") + b'data: {"usageMetadata": {"promptTokenCo'
    target, body = asked(form)
    for breaks in (False, True):
        answer = heard(form, await edge.post(target, body, Script([stream], breaks=breaks)))

        assert answer.told


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("breaks", [False, True])
async def test_the_lease_of_a_cut_stream_is_settled_as_failed(form: str, breaks: bool) -> None:
    edge = EdgeInMemory()
    target, body = asked(form)

    await edge.post(target, body, Script([event("a"), b"data: {"], breaks=breaks))

    assert edge.desk.endings == ["failed"]


async def test_what_is_told_of_a_cut() -> None:
    edge = EdgeInMemory()
    script = Script([event("a")])

    openai = await edge.post(*asked(OPENAI), script)
    events = await edge.post(*asked(EVENTS), script)

    assert b'data: {"error":{"message"' in openai.body
    assert b"[DONE]" not in openai.body
    # Google's Python SDK raises for a chunk that begins so.
    assert b'data: {"error":{"code":502,' in events.body
