"""HTTP without any client or server library, so that what is measured is the system between.

    python -m tests.support.raw_http upstream PORT
    python -m tests.support.raw_http load PORT TOKEN PATH COUNT CONNECTIONS

`upstream` answers whatever is asked as Gemini would, with an answer of a kilobyte or a stream of
three events. `load` asks so many times over so many connections and ends with 1 when an answer
was not what it should be.
"""

import asyncio
import json
import re
import sys
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_USAGE = {"promptTokenCount": 200, "candidatesTokenCount": 150, "totalTokenCount": 350}
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n%b\r\n\r\n"


def _event(text: str, **more: object) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
    answer = {
        "candidates": [candidate],
        "usageMetadata": _USAGE,
        "modelVersion": "gemini-2.5-flash",
    }
    return json.dumps(answer).encode()


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


_PLAIN = _event("x" * 700, finishReason="STOP")
_STREAM = [b"data: " + each + b"\r\n\r\n" for each in (_event("a"), _event("b"))]
_STREAM.append(b"data: " + _event("c", finishReason="STOP") + b"\r\n\r\n")
_ANSWER = _HEAD % (b"application/json", b"content-length: %d" % len(_PLAIN)) + _PLAIN
_STREAMED = (
    _HEAD % (b"text/event-stream", b"transfer-encoding: chunked")
    + b"".join(map(_chunk, _STREAM))
    + _chunk(b"")
)


class _Upstream(asyncio.Protocol):
    def __init__(self) -> None:
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._seen, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._seen) < whole:
                return
            is_stream = b":streamGenerateContent" in self._seen[:end]
            self._transport.write(_STREAMED if is_stream else _ANSWER)
            self._seen = self._seen[whole:]


class _Client(asyncio.Protocol):
    """Asks one question after the other, while there are any left."""

    def __init__(self, question: bytes, left: list[int], ended: asyncio.Future[None]) -> None:
        self._question = question
        self._left = left
        self._ended = ended
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        end = self._seen.find(b"\r\n\r\n")
        length = _LENGTH.search(self._seen, 0, max(end, 0))
        if end < 0 or not (
            len(self._seen) >= end + 4 + int(length[1])
            if length
            else self._seen.endswith(b"\r\n0\r\n\r\n")
        ):
            return
        if not self._seen.startswith(b"HTTP/1.1 200 ") or b'"STOP"' not in self._seen:
            self._fail(f"a wrong answer: {self._seen[:500]!r}")
            return
        self._seen = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection broke: {exc}")

    def _ask(self) -> None:
        if self._left[0] <= 0:
            if not self._ended.done():
                self._left[1] -= 1
                if not self._left[1]:
                    self._ended.set_result(None)
            return
        self._left[0] -= 1
        self._transport.write(self._question)

    def _fail(self, problem: str) -> None:
        if not self._ended.done():
            self._ended.set_exception(ConnectionError(problem))


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


async def _load(port: int, token: str, path: str, count: int, connections: int) -> None:
    body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "y" * 800}]}]})
    question = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-goog-api-key: {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    left = [count, connections]
    for _ in range(connections):
        await loop.create_connection(lambda: _Client(question, left, ended), "127.0.0.1", port)
    await ended


def main(command: str, *arguments: str) -> None:
    """Run one side."""
    if command == "upstream":
        uvloop.run(_serve(int(arguments[0])))
    else:
        port, token, path, count, connections = arguments
        uvloop.run(_load(int(port), token, path, int(count), int(connections)))


if __name__ == "__main__":
    main(*sys.argv[1:])
