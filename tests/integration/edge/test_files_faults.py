"""What clients see when the files service refuses, stalls, breaks off or is away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import httpx
import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from services.kit.errors import ServiceError
from tests.integration.edge.scripted_files import (
    Frames,
    Script,
    active,
    ended,
    scripted_files,
)
from tests.support.edge import new_token, running_edge
from tests.support.keypool import Keypool, running_keypool
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

UPLOAD = "/upload/v1beta/files?upload_id=the-upload"
MIB = 1024 * 1024
CHUNK = {"x-goog-upload-command": "upload", "x-goog-upload-offset": "0"}
LAST = CHUNK | {"x-goog-upload-command": "upload, finalize"}
FILE = b'{"file": {"name": "files/abc"}}'


class FullError(ServiceError):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "BUFFERS_FULL"


class OwnShareFullError(FullError):
    reason = "CLIENT_BUFFERS_FULL"


class TooLargeError(ServiceError):
    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "FILE_TOO_LARGE"


@dataclass
class Stage:
    """An edge over a scripted files service, and a client of it."""

    script: Script
    http: httpx.AsyncClient
    token: str

    async def chunk(self, content: Any, **headers: str) -> httpx.Response:
        return await self.http.post(UPLOAD, content=content, headers=CHUNK | headers)

    async def last(self, content: Any) -> httpx.Response:
        return await self.http.post(UPLOAD, content=content, headers=LAST)


@pytest.fixture
async def keypool(redis_url: str) -> AsyncIterator[Keypool]:
    async with running_keypool(redis_url) as keypool:
        yield keypool


@pytest.fixture
async def stage(keypool: Keypool) -> AsyncIterator[Stage]:
    script = Script()  # type: ignore[abstract]  # scripts do not use all of the contract
    async with (
        scripted_files(script) as target,
        running_edge(keypool, files_target=target, upload_idle_seconds=0.5, time_out=2) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as http,
    ):
        yield Stage(script, http, await new_token(keypool))


async def endless(size: int = 400 * MIB) -> AsyncIterator[bytes]:
    for _ in range(size // MIB):
        yield b"x" * MIB


async def read_and_stall(script: Script, frames: Frames) -> pb.Upload:
    assert not await script.read(frames), "the end of the bytes was told"
    await asyncio.Event().wait()
    return active()


def transient(answer: httpx.Response, status: int) -> None:
    """Check an answer after which SDKs send the same bytes again."""
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == status
    assert "x-goog-upload-status" not in answer.headers


async def test_the_service_is_told_all_that_the_client_says(stage: Stage) -> None:
    async def take(script: Script, frames: Frames) -> pb.Upload:
        assert await script.read(frames)
        return ended(200, FILE)

    stage.script.on_write = take
    await stage.http.post(
        "/gemini/upload/v1/files",
        content=b'{"file": {"displayName": "x"}}',
        headers=httpx.Headers(
            {
                "x-goog-api-key": stage.token,
                "x-goog-upload-header-content-length": "5",
                "x-goog-upload-header-content-type": "image/png",
                "x-goog-upload-file-name": "h\xf6he.png",
            },
            encoding="utf-8",
        ),
    )
    headers = LAST | {"x-goog-upload-offset": "7", "content-type": "image/gif"}
    answer = await stage.http.post(UPLOAD, content=b"12345", headers=headers)

    assert answer.content == FILE
    [order] = stage.script.created
    assert order.client_id
    assert order.request_id
    assert (order.pool, order.upstream_path) == ("default", "upload/v1/files")
    assert order.start_body == b'{"file": {"displayName": "x"}}'
    assert (order.declared_size, order.mime_type) == (5, "image/png")
    assert order.file_name == "h\xf6he.png"
    [begin] = stage.script.begun
    assert begin == pb.WriteUploadRequest.Begin(
        upload_id="the-upload",
        write_offset=7,
        mime_type="image/gif",
        content_length=5,
        finishes=True,
    )


async def test_a_refusal_in_the_middle_is_answered_with_its_reason(stage: Stage) -> None:
    async def refuse(script: Script, frames: Frames) -> pb.Upload:
        await script.read(frames, 20 * MIB)
        raise FullError("no room", retry_delay=timedelta(seconds=7))

    stage.script.on_write = refuse

    answer = await stage.chunk(endless(100 * MIB))

    transient(answer, 503)
    assert answer.headers["retry-after"] == "7"


async def test_a_client_that_has_used_up_its_share_is_told_so(stage: Stage) -> None:
    async def refuse(script: Script, frames: Frames) -> pb.Upload:
        raise OwnShareFullError("no room", retry_delay=timedelta(seconds=5))

    stage.script.on_write = refuse

    answer = await stage.chunk(endless(MIB))

    transient(answer, 429)
    assert answer.headers["retry-after"] == "5"
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")


async def test_a_refusal_for_good_in_the_middle(stage: Stage) -> None:
    async def refuse(script: Script, frames: Frames) -> pb.Upload:
        await script.read(frames, 20 * MIB)
        raise TooLargeError("too large", metadata={"limitBytes": "9"})

    stage.script.on_write = refuse

    answer = await stage.last(endless(100 * MIB))

    assert answer.status_code == 400
    assert answer.headers["x-goog-upload-status"] == "final"
    assert "limit of 9 bytes" in answer.json()["error"]["message"]


async def test_googles_refusal_in_the_middle_is_passed_on(stage: Stage) -> None:
    words = b'{"error": {"code": 403, "message": "No.", "status": "PERMISSION_DENIED"}}'

    async def answer_early(script: Script, frames: Frames) -> pb.Upload:
        await script.read(frames, 20 * MIB)
        return ended(403, words, failed=True)

    stage.script.on_write = answer_early

    answer = await stage.last(endless(100 * MIB))

    assert (answer.status_code, answer.content) == (403, words)
    assert answer.headers["x-goog-upload-status"] == "final"


@pytest.mark.parametrize("finishes", [True, False])
async def test_bytes_that_are_not_safe_are_not_acknowledged(stage: Stage, finishes: bool) -> None:
    async def forget(script: Script, frames: Frames) -> pb.Upload:
        await script.read(frames)
        return active(4)

    stage.script.on_write = forget

    transient(await (stage.last(b"12345") if finishes else stage.chunk(b"12345")), 503)


async def test_a_service_that_does_not_read_slows_its_client(stage: Stage) -> None:
    reading = asyncio.Event()
    sent = 0

    async def wait(script: Script, frames: Frames) -> pb.Upload:
        await reading.wait()
        await script.read(frames)
        return active(script.bytes_read)

    async def counted() -> AsyncIterator[bytes]:
        nonlocal sent
        async for piece in endless():
            sent += len(piece)
            yield piece

    stage.script.on_write = wait
    sending = asyncio.create_task(stage.chunk(counted()))

    before = -1
    while sent != before:
        before = sent
        await asyncio.sleep(0.3)
    assert sent < 40 * MIB
    reading.set()
    answer = await sending

    assert answer.headers["x-goog-upload-size-received"] == str(sent) == str(400 * MIB)


async def test_a_service_that_stalls_is_given_up(stage: Stage) -> None:
    async def stall(script: Script, frames: Frames) -> pb.Upload:
        assert await script.read(frames)
        await asyncio.Event().wait()
        return active()

    stage.script.on_write = stall

    transient(await stage.last(b"12345"), 503)
    await asyncio.wait_for(stage.script.broken_off.wait(), 5)


async def test_a_client_that_leaves_ends_the_write(stage: Stage) -> None:
    stage.script.on_write = read_and_stall
    sending = asyncio.create_task(stage.last(endless()))
    await eventually(_reader(lambda: stage.script.bytes_read), lambda size: size > 10 * MIB)

    sending.cancel()

    await asyncio.wait_for(stage.script.broken_off.wait(), 5)


async def test_a_client_that_stalls_is_told(stage: Stage) -> None:
    async def stalls() -> AsyncIterator[bytes]:
        yield b"x"
        await answered.wait()
        yield b"y"

    answered = asyncio.Event()
    stage.script.on_write = read_and_stall
    # An HTTP library reads the answer once it has sent everything.
    asyncio.get_running_loop().call_later(1.5, answered.set)

    transient(await stage.chunk(stalls()), 408)
    await asyncio.wait_for(stage.script.broken_off.wait(), 5)


@pytest.mark.parametrize(
    ("protocol", "trouble"),
    [
        ("raw", "refusal"),
        ("raw", "the client leaves"),
        ("multipart", "refusal"),
        ("multipart", "the client leaves"),
        ("multipart", "a bad body"),
    ],
)
async def test_an_upload_in_one_request_leaves_nothing_behind(
    stage: Stage, protocol: str, trouble: str
) -> None:
    async def take(script: Script, frames: Frames) -> pb.Upload:
        await script.read(frames, MIB)
        if trouble == "refusal":
            raise FullError("no room")
        return await read_and_stall(script, frames)

    async def body() -> AsyncIterator[bytes]:
        yield b"--b\r\n\r\n{}\r\n--b\r\n\r\n"
        yield b"x" * 3 * MIB
        if trouble == "the client leaves":
            await asyncio.Event().wait()

    stage.script.on_write = take
    headers = {
        "x-goog-api-key": stage.token,
        "x-goog-upload-protocol": protocol,
        "content-type": "multipart/related; boundary=b",
    }
    sending = asyncio.create_task(
        stage.http.post("/upload/v1beta/files", content=body(), headers=headers)
    )
    if trouble == "the client leaves":
        await eventually(_reader(lambda: stage.script.bytes_read), lambda size: size >= MIB)
        sending.cancel()
    else:
        answer = await sending
        assert answer.status_code == (503 if trouble == "refusal" else 400)

    await eventually(_reader(lambda: stage.script.cancelled), lambda ids: ids == ["the-upload"])


async def test_a_download(stage: Stage) -> None:
    async def give() -> AsyncIterator[pb.DownloadFileResponse]:
        yield pb.DownloadFileResponse(mime_type="text/html", size_bytes=3 * MIB)
        for _ in range(3):
            yield pb.DownloadFileResponse(chunk=b"x" * MIB)

    stage.script.on_download = give
    headers = {"x-goog-api-key": stage.token}

    for path in ("/v1beta/files/abc:download", "/download/v1/files/abc:download"):
        answer = await stage.http.get(path, params={"alt": "media"}, headers=headers)

        assert (answer.status_code, answer.content) == (200, b"x" * 3 * MIB)
        assert answer.headers["content-type"] == "text/html"
        assert answer.headers["content-length"] == str(3 * MIB)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == "attachment"


@pytest.mark.parametrize("size", [3 * MIB, None])
async def test_a_download_that_breaks_off_does_not_end_well(stage: Stage, size: int | None) -> None:
    async def give() -> AsyncIterator[pb.DownloadFileResponse]:
        yield pb.DownloadFileResponse(mime_type="x/y", size_bytes=size)
        yield pb.DownloadFileResponse(chunk=b"x" * MIB)
        raise FullError("gone")

    stage.script.on_download = give

    with pytest.raises(httpx.RemoteProtocolError):
        await stage.http.get("/v1beta/files/abc:download", headers={"x-goog-api-key": stage.token})


async def test_a_file_service_that_is_away_is_no_reason_to_be_unready(keypool: Keypool) -> None:
    token = await new_token(keypool)
    headers = {"x-goog-api-key": token}
    async with (
        running_edge(keypool, files_target="127.0.0.1:1") as url,
        httpx.AsyncClient(base_url=url, timeout=60) as http,
    ):
        ready = await http.get("/readyz")
        answers = await asyncio.gather(
            http.post("/upload/v1beta/files", json={}, headers=headers),
            http.get("/v1beta/files", headers=headers),
            http.post(UPLOAD, content=b"x", headers=CHUNK),
        )

    assert (ready.status_code, ready.json()["parts"]["files"]) == (200, "unavailable")
    for answer in answers:
        transient(answer, 503)
        assert "files service" in answer.json()["error"]["message"]
        assert answer.headers["retry-after"] == "1"


async def test_an_edge_without_a_files_service_says_so(keypool: Keypool) -> None:
    headers = {"x-goog-api-key": await new_token(keypool)}
    async with (
        running_edge(keypool) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as http,
    ):
        ready = await http.get("/readyz")
        answers = [
            await http.post("/upload/v1beta/files", json={}, headers=headers),
            await http.get("/v1beta/files", headers=headers),
            await http.post(UPLOAD, content=b"x", headers=CHUNK),
        ]

    assert (ready.status_code, ready.json()["parts"]["files"]) == (200, "not configured")
    for answer in answers:
        assert answer.status_code == 501
        assert "FILES_TARGET" in answer.json()["error"]["message"]


def _reader(read: Any) -> Any:
    async def reading() -> Any:
        return read()

    return reading
