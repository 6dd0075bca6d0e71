"""What anybody can reach who gets as far as the ports of a pod: how it is, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as rpb
from grpc_reflection.v1alpha import reflection_pb2_grpc

from tests.support.files_process import files_process
from tests.support.keypool import CREDENTIALS
from tests.support.keypool_process import keypool_process
from tests.support.ports import free_port
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server"]

OPEN_CALLS = {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}
OPEN_PAGES = {"/livez", "/readyz", "/metrics"}
BEARER = (("authorization", f"Bearer {CREDENTIALS['edge'][0]}"),)


class Pod:
    """A running service: its process, and its address."""

    def __init__(self, pid: int, host: str, grpc_port: int, ops_url: str) -> None:
        self.pid, self.host, self.grpc_port, self.ops_url = pid, host, grpc_port, ops_url

    def ports(self) -> set[int]:
        """Return the TCP ports that the process listens on, as the kernel knows them."""
        sockets = {
            str(each.readlink())
            for each in Path(f"/proc/{self.pid}/fd").iterdir()
            if each.is_symlink()
        }
        # gRPC listens on the addresses of version 4 as a part of those of version 6.
        tables = [Path(f"/proc/{self.pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
        rows = [line.split() for table in tables for line in table.splitlines()]
        return {
            int(row[1].rpartition(":")[2], 16)
            for row in rows
            if row[3] == "0A" and f"socket:[{row[9]}]" in sockets
        }


@pytest.fixture(params=["keypool", "files"])
async def pod(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> AsyncIterator[Pod]:
    if request.param == "keypool":
        port = free_port()
        with keypool_process(tmp_path, redis_url, "127.0.0.1", port) as keypool:
            await keypool.ready()
            yield Pod(keypool.popen.pid, keypool.host, port, keypool.ops_url)
    else:
        with files_process(redis_url, "127.0.0.1:1", "http://127.0.0.1:1") as files:
            await files.ready()
            assert files.process is not None
            host, _, port_text = files.target.partition(":")
            yield Pod(files.process.pid, host, int(port_text), files.ops_url)


async def methods(channel: grpc.aio.Channel) -> list[tuple[str, bool, bool]]:
    """Return all that is served, as reflection tells it: path, and whether each side streams."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]

    async def ask(**question: Any) -> Any:
        request = rpb.ServerReflectionRequest(**question)
        call = stub.ServerReflectionInfo(iter([request]), timeout=10, metadata=BEARER)
        answer = await call.read()
        call.cancel()
        return answer

    found = []
    for service in (await ask(list_services="")).list_services_response.service:
        answer = await ask(file_containing_symbol=service.name)
        for text in answer.file_descriptor_response.file_descriptor_proto:
            file = FileDescriptorProto.FromString(text)
            found += [
                (f"/{file.package}.{each.name}/{m.name}", m.client_streaming, m.server_streaming)
                for each in file.service
                if f"{file.package}.{each.name}" == service.name
                for m in each.method
            ]
    return found


async def knock(
    channel: grpc.aio.Channel, path: str, *, sends: bool, receives: bool
) -> grpc.StatusCode:
    """Return what becomes of a call without a credential."""
    kind = f"{'stream' if sends else 'unary'}_{'stream' if receives else 'unary'}"
    method = getattr(channel, kind)(path)
    if sends:
        # Refused before anything is sent.
        code: grpc.StatusCode = await method(timeout=5).code()
        return code
    call = method(b"", timeout=5)
    try:
        await (call.read() if receives else call)
    except grpc.aio.AioRpcError as error:
        return error.code()
    finally:
        call.cancel()
    return grpc.StatusCode.OK


async def test_nothing_but_health_is_answered_without_a_credential(pod: Pod) -> None:
    async with grpc.aio.insecure_channel(f"{pod.host}:{pod.grpc_port}") as channel:
        found = await methods(channel)
        answered = {
            path: await knock(channel, path, sends=sends, receives=receives)
            for path, sends, receives in found
        }

    assert answered.keys() > OPEN_CALLS
    assert len({path.split("/")[1] for path in answered}) >= 3
    for path, code in answered.items():
        expected = grpc.StatusCode.OK if path in OPEN_CALLS else grpc.StatusCode.UNAUTHENTICATED
        assert code is expected, path


async def test_it_listens_on_two_ports_and_tells_no_calls_on_the_other(pod: Pod) -> None:
    ops_port = int(pod.ops_url.rpartition(":")[2])
    assert pod.ports() == {pod.grpc_port, ops_port}

    async with grpc.aio.insecure_channel(f"{pod.host}:{pod.grpc_port}") as channel:
        paths = [path for path, _, _ in await methods(channel)]
    async with httpx.AsyncClient(base_url=pod.ops_url, trust_env=False) as client:
        for path in [*paths, "/", "/docs", "/debug", "/settings"]:
            assert (await client.get(path)).status_code == 404, path
            assert (await client.post(path, content=b"")).status_code == 404, path
        for path in OPEN_PAGES:
            page = await client.get(path)
            assert page.status_code == 200
            for secret, _ in CREDENTIALS.values():
                assert secret not in page.text
