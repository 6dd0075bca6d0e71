"""A real files service in this process, over a real Valkey, key pool and simulator."""

import asyncio
import contextlib
import hashlib
import json
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.files.server import run_files
from services.files.settings import FilesSettings
from services.kit.background import end_tasks
from services.kit.errors import RemoteError
from services.kit.grpc_stream import ClientStream
from services.kit.health import Health
from services.simulator.control import SimulatorControl
from tests.support import keypool
from tests.support.upstream import upstream

CREDENTIALS = {
    # name: (secret, scopes)
    "edge": ("edge-credential-0123456789", ["files", "act-as"]),
    "batch-job": ("batch-job-credential-0123456789", ["files"]),
    "other": ("other-credential-0123456789", ["lease", "admin"]),
}
GRANULE = 8 * 1024 * 1024
FRAME = 256 * 1024
METHODS = {
    name: pb.DESCRIPTOR.services_by_name["FilesService"].methods_by_name[name]
    for name in pb.DESCRIPTOR.services_by_name["FilesService"].methods_by_name
}


def environment(
    redis_url: str, keypool_target: str, base_url: str, **values: Any
) -> dict[str, Any]:
    """Return settings of a files service, by their names in the environment."""
    book = [
        {"name": name, "secret": secret, "scopes": scopes}
        for name, (secret, scopes) in CREDENTIALS.items()
    ]
    base = {
        "FILES_LISTEN": "127.0.0.1:0",
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEY": keypool.ENCRYPTION_KEY,
        "KEYPOOL_TARGET": keypool_target,
        "SERVICE_CREDENTIAL": keypool.CREDENTIALS["edge"][0],
        "SERVICE_CREDENTIALS": json.dumps(book),
        "BASE_URL": base_url,
        "DRAIN_SECONDS": "5",
        "FILES_UPSTREAM_SECONDS": "20",
    }
    return base | {name.upper(): str(value) for name, value in values.items()}


@dataclass(frozen=True)
class Files:
    """A way to call a files service, as one of its callers and for one client."""

    channel: grpc.aio.Channel
    caller: str = "edge"
    client_id: str = "ada"
    pool: str = ""

    def as_client(self, client_id: str, caller: str = "edge") -> "Files":
        """Call for another client."""
        return Files(self.channel, caller, client_id, self.pool)

    def in_pool(self, pool: str) -> "Files":
        """Call for the same client in another pool."""
        return Files(self.channel, self.caller, self.client_id, pool)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {CREDENTIALS[self.caller][0]}"),)

    async def call(self, method: str, timeout: float = 60, **fields: Any) -> Any:
        """Make a unary call."""
        stub = files_pb2_grpc.FilesServiceStub(self.channel)
        request = getattr(pb, METHODS[method].input_type.name)(**fields)
        try:
            return await getattr(stub, method)(
                request, timeout=timeout, metadata=self.metadata, wait_for_ready=True
            )
        except grpc.aio.AioRpcError as error:
            raise RemoteError(error) from error

    async def create(self, path: str = "upload/v1beta/files", **fields: Any) -> pb.Upload:
        """Make an upload."""
        fields = {"upstream_path": path, "client_id": self.client_id, "pool": self.pool} | fields
        response = await self.call("CreateUpload", **fields)
        upload = response.upload
        assert isinstance(upload, pb.Upload)
        return upload

    async def write(
        self,
        upload: pb.Upload | str,
        content: bytes | Iterable[bytes] = b"",
        *,
        at: int = 0,
        finish: bool = False,
        announce: bool = True,
        mime_type: str = "",
        timeout: float = 60,
    ) -> pb.Upload:
        """Write bytes in frames."""
        upload_id = upload if isinstance(upload, str) else upload.upload_id
        pieces = list(frames_of(content)) if isinstance(content, bytes) else list(content)
        begin = pb.WriteUploadRequest.Begin(
            upload_id=upload_id, write_offset=at, mime_type=mime_type
        )
        if announce:
            begin.content_length = sum(map(len, pieces))
            begin.finishes = finish

        async def requests() -> AsyncIterator[pb.WriteUploadRequest]:
            yield pb.WriteUploadRequest(begin=begin)
            for piece in pieces:
                yield pb.WriteUploadRequest(chunk=piece)
            if finish:
                yield pb.WriteUploadRequest(finish=pb.WriteUploadRequest.Finish())

        return await self.stream(requests(), timeout=timeout)

    async def stream(
        self, requests: AsyncIterator[pb.WriteUploadRequest], timeout: float = 60
    ) -> pb.Upload:
        """Write frames as they are given."""
        stub = files_pb2_grpc.FilesServiceStub(self.channel)
        call: Any = stub.WriteUpload(timeout=timeout, metadata=self.metadata, wait_for_ready=True)
        stream = ClientStream[pb.WriteUploadResponse](call)

        async def send() -> None:
            async for request in requests:
                if not await stream.send(request.SerializeToString()):
                    break

        sending, ended = asyncio.create_task(send()), asyncio.create_task(call.code())
        try:
            # The service may have enough of a writer that has nothing to send.
            await asyncio.wait({sending, ended}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            return (await stream.finish()).upload
        finally:
            stream.cancel()
            await end_tasks([sending, ended])

    async def state(self, upload: pb.Upload | str) -> pb.Upload:
        """Ask how far an upload is."""
        upload_id = upload if isinstance(upload, str) else upload.upload_id
        found = (await self.call("GetUpload", upload_id=upload_id)).upload
        assert isinstance(found, pb.Upload)
        return found

    async def upload(self, content: bytes, **fields: Any) -> pb.Upload:
        """Upload a file in one write."""
        return await self.write(await self.create(**fields), content, finish=True)

    async def file(self, name: str) -> pb.File:
        """Ask for a file."""
        response = await self.call("GetFile", name=name, client_id=self.client_id, pool=self.pool)
        found = response.file
        assert isinstance(found, pb.File)
        return found

    async def listed(self, **fields: Any) -> list[pb.File]:
        """Return the files of one page."""
        response = await self.call("ListFiles", client_id=self.client_id, pool=self.pool, **fields)
        return list(response.files)

    async def delete(self, name: str) -> None:
        """Delete a file."""
        await self.call("DeleteFile", name=name, client_id=self.client_id, pool=self.pool)

    async def ensure(
        self, name: str, project_id: str, timeout: float = 60
    ) -> pb.EnsureFileResponse:
        """Ask for a file in a project."""
        response = await self.call(
            "EnsureFile",
            timeout=timeout,
            name=name,
            project_id=project_id,
            client_id=self.client_id,
            pool=self.pool,
        )
        assert isinstance(response, pb.EnsureFileResponse)
        return response

    async def download(self, name: str, timeout: float = 60) -> list[pb.DownloadFileResponse]:
        """Return all messages of a download."""
        stub = files_pb2_grpc.FilesServiceStub(self.channel)
        request = pb.DownloadFileRequest(name=name, client_id=self.client_id, pool=self.pool)
        try:
            return [
                message
                async for message in stub.DownloadFile(
                    request, timeout=timeout, metadata=self.metadata, wait_for_ready=True
                )
            ]
        except grpc.aio.AioRpcError as error:
            raise RemoteError(error) from error


@dataclass(frozen=True)
class World:
    """Everything that a test of uploads plays with."""

    files: Files
    keypool: keypool.Keypool
    sim: SimulatorControl
    target: str
    google_url: str


@contextlib.asynccontextmanager
async def running_files(
    redis_url: str, keypool_target: str, base_url: str, **values: Any
) -> AsyncIterator[tuple[Files, str]]:
    """Run a files service for the length of the block, ready to be called."""
    env = environment(redis_url, keypool_target, base_url, **values)
    settings = FilesSettings(_env_file=None, **{name.lower(): value for name, value in env.items()})
    health = Health("redis", "accepting")
    async with run_files(settings, health) as server:
        await keypool.until_ready(health)
        target = f"127.0.0.1:{server.port}"
        async with grpc.aio.insecure_channel(target) as channel:
            yield Files(channel), target


@contextlib.asynccontextmanager
async def running_world(redis_url: str, *, keys: int = 3, **values: Any) -> AsyncIterator[World]:
    """Run a files service, a key pool and a simulator for the length of the block.

    Args:
        redis_url: An empty store.
        keys: How many there are, each of a project of its own.
        values: Settings of the files service.
    """
    async with (
        upstream() as google,
        SimulatorControl(google.url) as sim,
        keypool.running_keypool(redis_url, base_url=google.url) as pool,
        running_files(redis_url, pool.target, google.url, **values) as (files, target),
    ):
        if keys:
            await pool.add_keys(*keypool.secrets_of(keys))
        yield World(files, pool, sim, target, google.url)


def noise(size: int, seed: int = 1) -> bytes:
    """Return bytes that look like nothing."""
    return random.Random(seed).randbytes(size)


def sha256(content: bytes) -> str:
    """Return the digest as the simulator tells it."""
    return hashlib.sha256(content).hexdigest()


def frames_of(content: bytes, size: int = FRAME) -> Sequence[bytes]:
    """Cut content into frames."""
    return [content[start : start + size] for start in range(0, len(content), size)]
