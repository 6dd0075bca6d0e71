"""A stream to a real server tells why it failed, whenever the server ends it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.kit.credentials import CredentialBook
from services.kit.errors import RemoteError, ServiceError
from services.kit.grpc_boundary import Context
from services.kit.grpc_channel import ServiceChannel
from services.kit.grpc_server import serve_grpc
from services.kit.grpc_stream import ClientStream
from services.kit.health import Health

SERVICE = pb.DESCRIPTOR.services_by_name["FilesService"].full_name
SECRET = "edge-credential-0123456789"
FRAME = pb.WriteUploadRequest(chunk=b"x" * 256 * 1024).SerializeToString()

Frames = AsyncIterator[pb.WriteUploadRequest]
Behaviour = Callable[[Frames], Awaitable[pb.WriteUploadResponse]]


class RefusedError(ServiceError):
    code = grpc.StatusCode.ABORTED
    reason = "REFUSED"


class Servicer(files_pb2_grpc.FilesServiceServicer):
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def WriteUpload(  # noqa: N802  # the contract's name
        self, request_iterator: Frames, context: Context
    ) -> pb.WriteUploadResponse:
        return await self._behaviour(request_iterator)


@contextlib.asynccontextmanager
async def stream_to(behaviour: Behaviour) -> AsyncIterator[ClientStream[pb.WriteUploadResponse]]:
    health = Health("here")
    book = [{"name": "edge", "secret": SECRET, "scopes": ["files"]}]
    async with serve_grpc(
        "127.0.0.1:0",
        lambda server: files_pb2_grpc.add_FilesServiceServicer_to_server(
            Servicer(behaviour),  # type: ignore[abstract]  # one method is enough here
            server,
        ),
        domain="test",
        book=CredentialBook(json.dumps(book)),
        scopes={SERVICE: "files"},
        health=health,
        drain_seconds=0,
    ) as port:
        health.report("here", well=True)
        channel = ServiceChannel(f"127.0.0.1:{port}", SECRET, service=SERVICE)
        stub = files_pb2_grpc.FilesServiceStub(channel.channel)
        stream: ClientStream[pb.WriteUploadResponse] = channel.stream(stub.WriteUpload)
        try:
            yield stream
        finally:
            stream.cancel()
            await channel.close()


async def taken(frames: Frames, count: int) -> None:
    for _ in range(count):
        await anext(frames)


@pytest.mark.parametrize("frames", [0, 1, 2, 7])
@pytest.mark.parametrize("pause", [0, 0.02])
async def test_a_refusal_in_the_middle_arrives_with_its_reason(frames: int, pause: float) -> None:
    async def refuse(received: Frames) -> pb.WriteUploadResponse:
        await taken(received, frames)
        # By then, the sender is held up in the middle of a message.
        await asyncio.sleep(pause)
        raise RefusedError("no more", metadata={"committedSize": "7"})

    async with stream_to(refuse) as stream:
        with pytest.raises(RemoteError, match="no more") as caught:
            for _ in range(1000):
                await stream.send(FRAME)
            await stream.finish()

    assert caught.value.code is grpc.StatusCode.ABORTED
    assert caught.value.reason == "REFUSED"
    assert caught.value.metadata == {"committedSize": "7"}


@pytest.mark.parametrize("frames", [0, 1, 7])
async def test_an_answer_in_the_middle_ends_the_sending(frames: int) -> None:
    async def answer(received: Frames) -> pb.WriteUploadResponse:
        await taken(received, frames)
        return pb.WriteUploadResponse(upload=pb.Upload(committed_size=7))

    async with stream_to(answer) as stream:
        sent = 0
        while await stream.send(FRAME):
            sent += 1
            assert sent < 1000
        response = await stream.finish()

    assert response.upload.committed_size == 7


async def test_every_message_arrives_in_order_and_then_the_end() -> None:
    async def count(received: Frames) -> pb.WriteUploadResponse:
        size = 0
        async for frame in received:
            size += len(frame.chunk)
        return pb.WriteUploadResponse(upload=pb.Upload(committed_size=size))

    async with stream_to(count) as stream:
        for _ in range(50):
            assert await stream.send(FRAME)
        response = await stream.finish()

    assert response.upload.committed_size == 50 * 256 * 1024


async def test_a_sender_is_held_up_by_a_server_that_does_not_read() -> None:
    reading = asyncio.Event()

    async def wait(received: Frames) -> pb.WriteUploadResponse:
        await reading.wait()
        async for _ in received:
            pass
        return pb.WriteUploadResponse()

    async with stream_to(wait) as stream:
        sent = 0

        async def send_all() -> None:
            nonlocal sent
            for _ in range(400):
                await stream.send(FRAME)
                sent += 1

        sending = asyncio.create_task(send_all())
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 100
        reading.set()
        await sending
        await stream.finish()


async def test_a_cancelled_sender_ends_the_call() -> None:
    ended = asyncio.Event()

    async def wait(received: Frames) -> pb.WriteUploadResponse:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return pb.WriteUploadResponse()

    async with stream_to(wait) as stream:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                while True:
                    await stream.send(FRAME)
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_server_that_is_not_there_is_told_as_such() -> None:
    channel = ServiceChannel("127.0.0.1:1", SECRET, service=SERVICE)
    stub = files_pb2_grpc.FilesServiceStub(channel.channel)
    stream: ClientStream[pb.WriteUploadResponse] = ClientStream(stub.WriteUpload())
    try:
        with pytest.raises(RemoteError) as caught:
            await stream.send(FRAME)
        assert caught.value.is_away
    finally:
        await channel.close()
