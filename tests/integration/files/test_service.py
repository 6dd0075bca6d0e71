"""The files service as a process: ready, guarded, and quick to end."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel
from tests.support.files import CREDENTIALS, METHODS, environment
from tests.support.files_process import FilesProcess, files_process
from tests.support.valkey import ValkeyServer, started_valkey
from tests.support.waiting import eventually

SERVICE = pb.DESCRIPTOR.services_by_name["FilesService"]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    with started_valkey(tmp_path) as server:
        yield server


@pytest.fixture
def files(valkey: ValkeyServer) -> Iterator[FilesProcess]:
    with files_process(valkey.url, "127.0.0.1:1", "http://127.0.0.1:1", drain_seconds=1) as process:
        yield process


async def frames() -> AsyncIterator[pb.WriteUploadRequest]:
    yield pb.WriteUploadRequest(begin=pb.WriteUploadRequest.Begin(upload_id="u"))


async def call(target: str, method: str, credential: str) -> None:
    """Make one call of the contract, whatever its kind."""
    channel = ServiceChannel(target, credential, service=SERVICE.full_name)
    try:
        stub = files_pb2_grpc.FilesServiceStub(channel.channel)
        make: Callable[..., Any] = getattr(stub, method)
        metadata = channel.metadata() if credential else ()
        described = METHODS[method]
        request: Any = getattr(pb, described.input_type.name)()
        if described.client_streaming:
            request = frames()
        answer = make(request, timeout=5, metadata=metadata)
        if described.server_streaming:
            async for _ in answer:
                pass
        else:
            await answer
    except grpc.aio.AioRpcError as error:
        raise RemoteError(error) from error
    finally:
        await channel.close()


async def reach(files: FilesProcess) -> None:
    async with asyncio.timeout(20):
        await files.ready()


async def test_no_call_opens_without_the_right_credential(files: FilesProcess) -> None:
    await reach(files)

    assert len(METHODS) == 15
    for method in METHODS:
        for credential, code, reason in [
            ("", grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"),
            ("unknown", grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"),
            (CREDENTIALS["other"][0], grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING"),
        ]:
            with pytest.raises(RemoteError) as caught:
                await call(files.target, method, credential)
            assert (caught.value.code, caught.value.reason) == (code, reason)


async def test_readiness_follows_the_store_and_liveness_does_not(
    files: FilesProcess, valkey: ValkeyServer
) -> None:
    await reach(files)

    valkey.kill()

    await eventually(files.is_ready, lambda ready: not ready)
    async with httpx.AsyncClient(base_url=files.ops_url, trust_env=False) as client:
        answer = await client.get("/readyz")
        assert answer.json()["parts"]["redis"] == "unavailable"
        assert (await client.get("/livez")).status_code == 200


async def test_ends_in_good_order_when_told_to(files: FilesProcess) -> None:
    await reach(files)

    process = files.terminate()

    assert await asyncio.to_thread(process.wait, 10) == 0


@pytest.mark.parametrize(
    "missing",
    [
        "REDIS_URL",
        "SERVICE_CREDENTIALS",
        "ENCRYPTION_KEY",
        "KEYPOOL_TARGET",
        "SERVICE_CREDENTIAL",
    ],
)
def test_a_missing_setting_stops_the_start_with_one_line(missing: str) -> None:
    env = os.environ | environment("redis://127.0.0.1:1", "127.0.0.1:1", "http://127.0.0.1:1")
    env.pop(missing)

    done = subprocess.run(
        [sys.executable, "-m", "services.files"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    line = f"gemini-balance files: {missing} is not set"
    assert (done.returncode, done.stderr.strip()) == (2, line)


def test_an_address_of_redis_that_cannot_be_read_stops_the_start() -> None:
    env = environment("redis://:hunter2@h:port", "127.0.0.1:1", "http://127.0.0.1:1")

    done = subprocess.run(
        [sys.executable, "-m", "services.files"],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("gemini-balance files: REDIS_URL: ")
    assert "hunter2" not in line
