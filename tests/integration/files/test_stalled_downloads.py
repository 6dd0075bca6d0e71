"""Who takes no more bytes of a download does not hold the memory of those who do."""

import asyncio

import grpc.aio
import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from tests.integration.files.kept_world import KeptWorld
from tests.support.files import GRANULE, Files, noise

CONTENT = noise(GRANULE + 5)


async def stalled(
    files: Files, name: str
) -> "grpc.aio.UnaryStreamCall[pb.DownloadFileRequest, pb.DownloadFileResponse]":
    """Return a download of which the first message alone was taken."""
    stub = files_pb2_grpc.FilesServiceStub(files.channel)
    request = pb.DownloadFileRequest(name=name, client_id=files.client_id, pool=files.pool)
    call = stub.DownloadFile(request, timeout=60, metadata=files.metadata)
    first = await call.read()
    assert isinstance(first, pb.DownloadFileResponse)
    return call


async def test_stalled_readers_are_cut_off(kept: KeptWorld) -> None:
    # Readers share a quarter of the buffers: one part here.
    values = {"files_idle_seconds": 0.5, "files_buffer_bytes": 4 * GRANULE}
    name = (await kept.files.upload(CONTENT)).file.name
    async with kept.replica(**values) as files:
        call = await stalled(files, name)

        async with asyncio.timeout(20):
            messages = await files.download(name)

        assert b"".join(message.chunk for message in messages) == CONTENT
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            while await call.read() is not grpc.aio.EOF:
                pass
        assert failure.value.code() is grpc.StatusCode.ABORTED
        assert failure.value.details() == "nothing was taken for 0.5 seconds"
