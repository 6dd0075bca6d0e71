"""A files service that keeps all bytes, played by hand over real gRPC and a real upstream."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
import httpx
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.kit.errors import ServiceError, abort_with


class _NotStoredError(ServiceError):
    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "FILE_NOT_STORED"


@dataclass
class SecondLives(files_pb2_grpc.FilesServiceServicer):
    """Answers where files lie, and uploads them once more where they are needed.

    Attributes:
        upstream_url: The simulator.
        keys: A key of each project, by the pool's ids of projects.
        kept: The bytes of each file that was kept.
        copies: Where files lie besides their own project.
        ensured: How often each file was brought to each project.
    """

    upstream_url: str
    keys: Mapping[str, str]
    kept: dict[str, bytes] = field(default_factory=dict)
    copies: dict[str, dict[str, str]] = field(default_factory=dict)
    ensured: Counter[tuple[str, str]] = field(default_factory=Counter)
    is_away: bool = False

    async def GetFile(self, request: pb.GetFileRequest, context: Any) -> pb.GetFileResponse:  # noqa: N802
        await self._check(context)
        file = pb.File(name=request.name, stored=request.name in self.kept)
        for project, name in self.copies.get(request.name, {}).items():
            file.copies.add(project_id=project, upstream_name=name)
        return pb.GetFileResponse(file=file)

    async def EnsureFile(  # noqa: N802
        self, request: pb.EnsureFileRequest, context: Any
    ) -> pb.EnsureFileResponse:
        await self._check(context)
        if request.name not in self.kept:
            status = _NotStoredError("not kept").to_status("gemini_balance.files.v1")
            await abort_with(context, status)
        self.ensured[request.name, request.project_id] += 1
        async with httpx.AsyncClient(base_url=self.upstream_url) as upstream:
            answer = await upstream.post(
                "/upload/v1beta/files",
                content=self.kept[request.name],
                headers={
                    "x-goog-api-key": self.keys[request.project_id],
                    "x-goog-upload-protocol": "raw",
                    "content-type": "text/plain",
                },
            )
        made = answer.json()["file"]
        self.copies.setdefault(request.name, {})[request.project_id] = made["name"]
        return pb.EnsureFileResponse(upstream_name=made["name"], upstream_uri=made["uri"])

    async def _check(self, context: Any) -> None:
        if self.is_away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")


@contextlib.asynccontextmanager
async def running_second_lives(servicer: SecondLives) -> AsyncIterator[str]:
    """Serve and yield the gRPC target."""
    server = grpc.aio.server()
    files_pb2_grpc.add_FilesServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)
