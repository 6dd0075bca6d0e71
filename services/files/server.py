"""Wires the files service: ports, health, the store, the ways out, and an orderly end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
from gemini_balance.files.v1 import files_pb2, files_pb2_grpc
from redis.asyncio import Redis

from services.files import metrics
from services.files.assembly import Ways, assemble, open_objects
from services.files.errors import DOMAIN
from services.files.frame_wire import read_message, write_message
from services.files.google.client import GoogleClient
from services.files.pool import GrpcKeyPool
from services.files.redis_keys import key
from services.files.servicer import FilesServicer, Parts
from services.files.settings import FilesSettings
from services.files.sweeping import sweep_for_ever
from services.kit.background import end_tasks
from services.kit.credentials import CredentialBook
from services.kit.egress import Egress
from services.kit.grpc_server import serve_grpc
from services.kit.health import Health
from services.kit.http_server import listen, serve_http
from services.kit.http_transport import AiohttpTransport
from services.kit.logs import get_logger
from services.kit.ops import ops_app
from services.kit.redis_client import UNAVAILABLE, RedisError, open_redis
from services.kit.redis_scripts import open_port
from services.kit.tracing import load_if_tracing

log = get_logger(__name__)

SERVICE = files_pb2.DESCRIPTOR.services_by_name["FilesService"].full_name
_PING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FilesServer:
    """A running files service."""

    port: int
    health: Health


async def serve(settings: FilesSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain.

    Raises:
        OSError: A port is taken.
        UnusableSettingError: The store of bytes cannot be used.
    """
    ops_port = listen(settings.ops_host, settings.ops_port)
    health = Health("redis", "accepting")
    async with (
        serve_http(ops_app(health), ops_port),
        run_files(settings, health) as server,
    ):
        log.info("files service started", port=server.port)
        await stop.wait()
        log.info("files service drains")


@contextlib.asynccontextmanager
async def run_files(settings: FilesSettings, health: Health) -> AsyncIterator[FilesServer]:
    """Run the gRPC server and what it needs for the length of the block.

    Leaving the block drains: not ready, open calls end, then the ways out are closed.
    """
    objects = await open_objects(settings.files_store_url)
    redis = open_redis(settings.redis_url.get_secret_value(), name="files")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        pool = GrpcKeyPool(
            settings.keypool_target,
            settings.service_credential.get_secret_value(),
            lifetime=timedelta(seconds=settings.files_lease_seconds),
        )
        stack.push_async_callback(pool.close)
        egress = Egress(
            lambda proxy_url: AiohttpTransport(
                proxy_url,
                connect_timeout=settings.connect_timeout,
                read_timeout=settings.time_out,
            )
        )
        stack.push_async_callback(egress.aclose)
        traced = load_if_tracing("services.files.google.traced")
        client = (
            traced.TracedGoogleClient(
                settings.base_url, egress, tells_google=settings.trace_upstream
            )
            if traced
            else GoogleClient(settings.base_url, egress)
        )
        domain = assemble(settings, Ways(open_port(redis), pool, client, objects))
        parts = domain.parts
        stack.push_async_callback(parts.ensurer.close)
        port = await stack.enter_async_context(
            serve_grpc(
                settings.files_listen,
                lambda server: _register(server, parts),
                domain=DOMAIN,
                book=CredentialBook.parse(settings.service_credentials.get_secret_value()),
                scopes={SERVICE: "files"},
                health=health,
                drain_seconds=settings.drain_seconds,
            )
        )
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(_watch_redis(redis, health)),
                tasks.create_task(sweep_for_ever(settings.files_sweep_seconds, *domain.sweeps)),
            ]
            health.report("accepting", well=True)
            try:
                yield FilesServer(port, health)
            finally:
                health.report("accepting", well=False)
                domain.listening.end()
                await end_tasks(background)


def _register(server: grpc.aio.Server, parts: Parts) -> None:
    servicer = FilesServicer(parts)
    files_pb2_grpc.add_FilesServiceServicer_to_server(servicer, server)
    # The same calls, with chunks that are not copied.
    streams: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "WriteUpload": grpc.stream_unary_rpc_method_handler(
            servicer.WriteUpload, read_message, files_pb2.WriteUploadResponse.SerializeToString
        ),
        "DownloadFile": grpc.unary_stream_rpc_method_handler(
            servicer.DownloadFile, files_pb2.DownloadFileRequest.FromString, write_message
        ),
    }
    server.add_registered_method_handlers(SERVICE, streams)


async def _watch_redis(redis: Redis, health: Health) -> None:
    """Keep readiness in step with the store; liveness never looks at it."""
    well = False
    while True:
        try:
            metrics.TAILS.set(int(await redis.get(key("tail_bytes")) or 0))
        except (*UNAVAILABLE, RedisError) as error:
            if well:
                log.warning("redis does not answer", error=type(error).__name__)
            well = False
        else:
            well = True
        health.report("redis", well=well)
        await asyncio.sleep(_PING_SECONDS)
