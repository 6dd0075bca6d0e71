"""Answering requests."""

import asyncio
from urllib.parse import parse_qs, urlsplit

from bench.upstream.answers import Plain, Streamed, answer_of
from bench.upstream.requests import Request, RequestProtocol
from bench.upstream.uploads import Uploads
from bench.upstream.wheel import Wheel

_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_LAST_CHUNK = b"0\r\n\r\n"


Made = tuple[bytes, float] | tuple[list[bytes], float]
"""The bytes of an answer and its delay, or its pieces and their interval; in seconds."""


class Upstream:
    """What all connections share: answers by their targets, the wheel, the uploads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.wheel = Wheel(loop)
        self.uploads = Uploads()
        self._answers: dict[bytes, Made] = {}

    def answer(self, target: bytes) -> Made:
        """Return the answer to requests for a target."""
        if target not in self._answers:
            self._answers[target] = _made(target)
        return self._answers[target]


class Connection(RequestProtocol):
    """One connection to the upstream."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__()
        self._upstream = upstream

    def begun(self, request: Request) -> None:
        if b"upload_id=" in request.target:
            upload = self._upstream.uploads.find(_upload_id(request))
            request.sink = upload.write if upload else None

    def ended(self, request: Request) -> None:
        if request.target.startswith(b"/upload/"):
            self.transport.write(self._uploading(request))
            return
        answer, seconds = self._upstream.answer(request.target)
        if isinstance(answer, list):
            self._stream(answer, seconds)
        elif seconds:
            self._upstream.loop.call_later(seconds, self._write, answer)
        else:
            self.transport.write(answer)

    def _write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def _stream(self, pieces: list[bytes], interval: float) -> None:
        self.transport.write(_STREAM_HEAD)
        transport, following, last = self.transport, iter(pieces), pieces[-1]

        def step() -> bool:
            if transport.is_closing():
                return False
            piece = next(following)
            transport.write(piece)
            return piece is not last

        self._upstream.wheel.add(step, interval)

    def _uploading(self, request: Request) -> bytes:
        uploads = self._upstream.uploads
        command = request.header(b"x-goog-upload-command")
        if command == b"start":
            address = request.header(b"host"), uploads.start().encode()
            url = b"http://%b/upload/v1beta/files?upload_id=%b" % address
            told = b"x-goog-upload-status: active\r\nx-goog-upload-chunk-granularity: 262144\r\n"
            return _head(200, b"", told + b"x-goog-upload-url: " + url + b"\r\n")
        name = _upload_id(request)
        upload = uploads.find(name)
        if upload is None:
            return _MISSING
        status = b"final" if b"finalize" in command else b"active"
        told = b"x-goog-upload-status: %b\r\nx-goog-upload-size-received: %d\r\n"
        told %= status, upload.received
        if status == b"active":
            return _head(200, b"", told)
        uploads.end(name)
        file = upload.file(name)
        return _head(200, file, told) + file


def _upload_id(request: Request) -> str:
    return parse_qs(urlsplit(request.target.decode()).query)["upload_id"][0]


def _made(target: bytes) -> Made:
    path, _, _ = target.decode().partition("?")
    model, _, method = path.rpartition("/")[2].partition(":")
    match answer_of(model, method):
        case Plain(body, delay):
            return _head(200, body) + body, delay
        case Streamed(events, interval):
            pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
            pieces[-1] += _LAST_CHUNK
            return pieces, interval
    return _MISSING, 0


def _head(status: int, body: bytes, more: bytes = b"") -> bytes:
    reason = b"OK" if status == 200 else b"Not Found"
    return (
        b"HTTP/1.1 %d %b\r\ncontent-type: application/json; charset=UTF-8\r\n%bcontent-length: %d"
        b"\r\n\r\n"
    ) % (status, reason, more, len(body))


_MISSING_BODY = b'{"error":{"code":404,"message":"no such thing","status":"NOT_FOUND"}}'
_MISSING = _head(404, _MISSING_BODY) + _MISSING_BODY
