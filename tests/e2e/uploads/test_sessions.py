"""What an upload's address answers, and what is safe when a client or its answer is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from services.simulator.control import SimulatorControl
from tests.e2e.uploads.uploading import (
    GRANULE,
    Session,
    Uploader,
    content,
    file_of,
    still_active,
    stored,
)
from tests.support.system import Pool
from tests.support.waiting import eventually

# The edge passes bytes on in pieces of this size.
FRAME = 256 * 1024


@contextlib.asynccontextmanager
async def by_hand(
    session: Session, *headers: str, body: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send a request as no HTTP library would; the connection ends with the block."""
    url = urlsplit(session.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        head = [f"POST {url.path}?{url.query} HTTP/1.1", f"host: {url.netloc}", *headers]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await writer.drain()
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def received(client: Uploader, session: Session) -> int:
    """Return how many bytes of an upload are safe."""
    answer = await client.send(session, "query")
    return int(answer.headers["x-goog-upload-size-received"])


async def test_how_far_an_upload_is(client: Uploader, control: SimulatorControl) -> None:
    session = await client.start(mime_type="image/png")
    still_active(await client.send(session, "query"), 0)

    await client.send(session, "upload", b"x" * 1000, offset=0)
    still_active(await client.send(session, "QUERY"), 1000)

    end = await client.send(session, "upload, finalize", b"y", offset=1000)
    again = await client.send(session, "query")
    assert file_of(again) == file_of(end)
    await stored(control, file_of(again), b"x" * 1000 + b"y")


async def test_a_cancelled_upload(client: Uploader) -> None:
    session = await client.start(mime_type="image/png")
    await client.send(session, "upload", b"x" * 1000, offset=0)

    cancelled = await client.send(session, "cancel")
    assert (cancelled.status_code, cancelled.content) == (200, b"")
    assert cancelled.headers["x-goog-upload-status"] == "cancelled"

    for command, offset, status in [
        ("query", None, 410),
        ("upload", 1000, 410),
        ("upload, finalize", 1000, 410),
        ("finalize", None, 400),
    ]:
        answer = await client.send(session, command, offset=offset)
        assert answer.status_code == status, command
        assert answer.headers["x-goog-upload-status"] == "cancelled"
        assert answer.json()["error"]["code"] == status


async def test_a_finished_upload_cannot_be_cancelled(client: Uploader) -> None:
    session = await client.start(mime_type="image/png")
    file_of(await client.send(session, "upload, finalize", b"12345", offset=0))

    answer = await client.send(session, "cancel")

    assert answer.status_code == 400
    assert answer.headers["x-goog-upload-status"] == "final"
    file_of(await client.send(session, "query"))


async def test_a_wrong_offset_is_told_the_right_one(
    client: Uploader, control: SimulatorControl
) -> None:
    session = await client.start(mime_type="image/png")
    await client.send(session, "upload", b"x" * 1000, offset=0)

    gap = await client.send(session, "upload, finalize", b"y", offset=1001)
    assert gap.status_code == 409
    assert gap.headers["x-goog-upload-status"] == "active"
    assert gap.headers["x-goog-upload-size-received"] == "1000"
    assert gap.json()["error"]["status"] == "ABORTED"

    file = file_of(await client.send(session, "upload, finalize", b"y", offset=1000))
    await stored(control, file, b"x" * 1000 + b"y")


async def test_a_chunk_sent_twice_counts_once(client: Uploader, control: SimulatorControl) -> None:
    data = content(GRANULE + 2000)
    session = await client.start(size=len(data), mime_type="image/png")

    for _ in range(2):
        answer = await client.send(session, "upload", data[:GRANULE], offset=0)
        still_active(answer, GRANULE)
    # Bytes that are safe already and bytes that are not, in one chunk.
    answer = await client.send(session, "upload", data[1000 : GRANULE + 1000], offset=1000)
    still_active(answer, GRANULE + 1000)
    first = await client.send(
        session, "upload, finalize", data[GRANULE + 1000 :], offset=GRANULE + 1000
    )
    second = await client.send(
        session, "upload, finalize", data[GRANULE + 1000 :], offset=GRANULE + 1000
    )

    assert file_of(first) == file_of(second)
    await stored(control, file_of(second), data)


async def test_another_last_chunk_than_the_one_that_finished(client: Uploader) -> None:
    session = await client.start(mime_type="image/png")
    file_of(await client.send(session, "upload, finalize", b"12345", offset=0))

    answer = await client.send(session, "upload, finalize", b"67", offset=5)

    assert answer.status_code == 400
    assert answer.headers["x-goog-upload-status"] == "final"


@pytest.mark.parametrize("framing", ["content-length", "transfer-encoding"])
async def test_a_client_that_leaves_goes_on_where_it_was(
    client: Uploader, control: SimulatorControl, framing: str
) -> None:
    data = content(GRANULE + 500_000)
    session = await client.start(size=len(data), mime_type="image/png")
    sent = data[: GRANULE + FRAME]
    if framing == "content-length":
        head, body = f"content-length: {len(data)}", sent
    else:
        head, body = "transfer-encoding: chunked", b"%x\r\n%b" % (len(data), sent)

    command = ["x-goog-upload-command: upload", "x-goog-upload-offset: 0"]
    async with by_hand(session, *command, head, body=body):
        # The granule is sent on as soon as a byte after it has come.
        await eventually(lambda: received(client, session), lambda size: size == GRANULE)
    at = await eventually(lambda: received(client, session), lambda size: size >= GRANULE)
    file = file_of(await client.send(session, "upload, finalize", data[at:], offset=at))

    await stored(control, file, data)


async def test_a_client_that_waits_to_be_asked_for_its_body(
    client: Uploader, control: SimulatorControl
) -> None:
    session = await client.start(mime_type="image/png")

    async with by_hand(
        session,
        "x-goog-upload-command: upload, finalize",
        "x-goog-upload-offset: 0",
        "expect: 100-continue",
        "content-length: 5",
    ) as (reader, writer):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"12345")
        head = await reader.readuntil(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    await stored(control, file_of(await client.send(session, "query")), b"12345")


async def test_a_client_that_waits_is_refused_without_being_asked(client: Uploader) -> None:
    session = await client.start(mime_type="image/png")

    async with by_hand(
        session,
        "x-goog-upload-command: upload, finalize",
        "x-goog-upload-offset: -1",
        "expect: 100-continue",
        "content-length: 5",
    ) as (reader, _):
        head = await reader.readuntil(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")


async def test_the_newer_of_two_writers_wins(client: Uploader, control: SimulatorControl) -> None:
    data = content(3 * GRANULE)
    session = await client.start(size=len(data), mime_type="image/png")
    older = [
        "x-goog-upload-command: upload, finalize",
        "x-goog-upload-offset: 0",
        f"content-length: {len(data)}",
    ]
    async with by_hand(session, *older, body=data[: GRANULE + FRAME]) as (reader, writer):
        await eventually(lambda: received(client, session), lambda size: size == GRANULE)
        chunk = data[GRANULE : 2 * GRANULE]
        still_active(await client.send(session, "upload", chunk, offset=GRANULE), 2 * GRANULE)

        writer.write(data[GRANULE + FRAME :])
        head = await reader.readuntil(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 409 ")
    assert b"\r\nx-goog-upload-status: active\r\n" in head
    end = await client.send(session, "upload, finalize", data[2 * GRANULE :], offset=2 * GRANULE)
    await stored(control, file_of(end), data)


async def test_what_may_pass_is_not_told_as_final(
    pool: Pool, client: Uploader, control: SimulatorControl
) -> None:
    session = await client.start(mime_type="image/png")
    await control.add_fault("rate_limit_bare", key=pool.keys[0], verb="upload.start", count=None)

    first = await client.send(session, "upload, finalize", b"12345", offset=0)
    second = await client.send(session, "upload, finalize", b"12345", offset=0)

    assert first.status_code in {429, 503}
    assert second.status_code == 429
    assert second.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert 0 < int(second.headers["retry-after"]) < 3600
    for answer in (first, second):
        assert "x-goog-upload-status" not in answer.headers
    still_active(await client.send(session, "query"), 0)


async def test_what_google_refuses_is_told_in_its_words(
    client: Uploader, control: SimulatorControl
) -> None:
    session = await client.start(size=10, mime_type="image/png")

    answer = await client.send(session, "upload, finalize", b"12345", offset=0)

    assert answer.status_code == 400
    assert answer.headers["x-goog-upload-status"] == "final"
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert "5 bytes" in error["message"]
    assert "10 were announced" in error["message"]
    again = await client.send(session, "query")
    assert (again.status_code, again.json()) == (400, answer.json())
