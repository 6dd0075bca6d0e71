"""The files service: ready, guarded, and honest about what it cannot do yet."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import httpx
import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.cli.probes import grpc_serves, http_ready
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel
from tests.integration.files.conftest import EDGE_CREDENTIAL, OTHER_CREDENTIAL, RunningFiles

SERVICE = pb.DESCRIPTOR.services_by_name["FilesService"]


async def frames() -> AsyncIterator[pb.WriteUploadRequest]:
    yield pb.WriteUploadRequest(begin=pb.WriteUploadRequest.Begin(upload_id="u"))
    for _ in range(3):
        yield pb.WriteUploadRequest(chunk=b"x" * 1024)


async def call(target: str, method: str, credential: str) -> None:
    """Make one call of the contract, whatever its kind."""
    channel = ServiceChannel(target, credential, service=SERVICE.full_name)
    try:
        stub = files_pb2_grpc.FilesServiceStub(channel.channel)
        make: Callable[..., Any] = getattr(stub, method)
        metadata = channel.metadata() if credential else ()
        described = SERVICE.methods_by_name[method]
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


async def reach(files: RunningFiles) -> None:
    async with asyncio.timeout(20):
        await grpc_serves(files.target)
        await http_ready(files.ops_url)


async def test_every_call_says_that_it_is_not_built(files: RunningFiles) -> None:
    await reach(files)
    methods = [method.name for method in SERVICE.methods]
    assert len(methods) == 9

    for method in methods:
        with pytest.raises(RemoteError, match=f"^{method} is not built") as caught:
            await call(files.target, method, EDGE_CREDENTIAL)
        assert caught.value.code is grpc.StatusCode.UNIMPLEMENTED
        assert caught.value.reason == "NOT_BUILT"
        assert caught.value.metadata == {"method": method}


async def test_no_call_opens_without_the_right_credential(files: RunningFiles) -> None:
    await reach(files)

    for method in (method.name for method in SERVICE.methods):
        for credential, code, reason in [
            ("", grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"),
            ("unknown", grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"),
            (OTHER_CREDENTIAL, grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING"),
        ]:
            with pytest.raises(RemoteError) as caught:
                await call(files.target, method, credential)
            assert (caught.value.code, caught.value.reason) == (code, reason)


async def test_readiness_follows_the_store_and_liveness_does_not(files: RunningFiles) -> None:
    await reach(files)

    files.valkey.stop()

    async with httpx.AsyncClient(base_url=files.ops_url, trust_env=False) as client:
        await eventually(lambda: status_is(client, "/readyz", 503))
        answer = await client.get("/readyz")
        assert answer.json()["parts"]["redis"] == "unavailable"
        assert (await client.get("/livez")).status_code == 200


async def test_ends_in_good_order_when_told_to(files: RunningFiles) -> None:
    await reach(files)

    files.process.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(files.process.wait, 10) == 0


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ("REDIS_URL", "gemini-balance files: REDIS_URL is not set"),
        ("SERVICE_CREDENTIALS", "gemini-balance files: SERVICE_CREDENTIALS is not set"),
    ],
)
def test_a_missing_setting_stops_the_start_with_one_line(missing: str, line: str) -> None:
    env = os.environ | {"REDIS_URL": "redis://127.0.0.1:1", "SERVICE_CREDENTIALS": "[]"}
    env.pop(missing)

    done = subprocess.run(
        [sys.executable, "-m", "services.files"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr.strip()) == (2, line)


def test_an_address_of_redis_that_cannot_be_read_stops_the_start() -> None:
    env = os.environ | {"REDIS_URL": "redis://:hunter2@h:port", "SERVICE_CREDENTIALS": "[]"}

    done = subprocess.run(
        [sys.executable, "-m", "services.files"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("gemini-balance files: REDIS_URL: ")
    assert "hunter2" not in line


async def status_is(client: httpx.AsyncClient, path: str, status: int) -> bool:
    return (await client.get(path)).status_code == status


async def eventually(condition: Callable[[], Awaitable[bool]], *, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)
