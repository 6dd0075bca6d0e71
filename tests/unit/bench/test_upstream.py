import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.upstream.answers import Plain, Streamed, answer_of
from bench.upstream.requests import Request, RequestProtocol
from bench.upstream.wheel import Wheel

REQUESTS = (
    b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /b?c=d HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    b"3\r\nfoo\r\n4;x=y\r\nbars\r\n0\r\n\r\n"
    b"POST /c HTTP/1.1\r\ncontent-length: 0\r\nx-goog-upload-command: upload, finalize\r\n\r\n"
    b"GET /d HTTP/1.1\r\nhost: x\r\n\r\n"
)


class Recorder(RequestProtocol):
    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[bytes, bytes, bytes]] = []
        self._received: list[bytes] = []

    def begun(self, request: Request) -> None:
        self._received = []
        request.sink = self._received.append

    def ended(self, request: Request) -> None:
        command = request.header(b"x-goog-upload-command")
        self.requests.append((request.target, b"".join(self._received), command))


@given(st.lists(st.integers(0, len(REQUESTS)), max_size=12))
def test_requests_are_read_however_they_are_cut(cuts: list[int]) -> None:
    recorder = Recorder()

    edges = [0, *sorted(cuts), len(REQUESTS)]
    for start, end in itertools.pairwise(edges):
        if end > start:
            recorder.data_received(REQUESTS[start:end])

    assert recorder.requests == [
        (b"/a", b"hello", b""),
        (b"/b?c=d", b"foobars", b""),
        (b"/c", b"", b"upload, finalize"),
        (b"/d", b"", b""),
    ]


@pytest.mark.parametrize(
    ("model", "count", "interval"),
    [("gemini-2.5-flash", 50, 0.02), ("gemini-2.5-flash-20x100ms", 20, 0.1)],
)
def test_a_model_says_how_it_streams(model: str, count: int, interval: float) -> None:
    answer = answer_of(model, "streamGenerateContent")

    assert isinstance(answer, Streamed)
    assert len(answer.events) == count
    assert answer.interval == pytest.approx(interval)
    assert [b'"finishReason"' in event for event in answer.events] == [False] * (count - 1) + [True]


def test_a_model_says_when_it_answers_and_how_much() -> None:
    slow = answer_of("gemini-2.5-flash-after-1000ms", "generateContent")
    large = answer_of("gemini-2.5-flash-image-5mb", "generateContent")

    assert isinstance(slow, Plain)
    assert slow.delay == 1
    assert isinstance(large, Plain)
    assert len(large.body) > 5_000_000


def test_there_is_no_other_method() -> None:
    assert answer_of("gemini-2.5-flash", "countTokens") is None


async def test_a_wheel_takes_each_step_until_the_last() -> None:
    wheel = Wheel(asyncio.get_running_loop())
    taken: dict[str, int] = {"short": 0, "long": 0}
    done = asyncio.Event()

    def step(name: str, last: int) -> bool:
        taken[name] += 1
        if sum(taken.values()) == 8:
            done.set()
        return taken[name] < last

    wheel.add(lambda: step("short", 3), 0.001)
    wheel.add(lambda: step("long", 5), 0.002)
    async with asyncio.timeout(10):
        await done.wait()

    assert taken == {"short": 3, "long": 5}
