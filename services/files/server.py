"""Wires the files service: ports, health, the store, and an orderly end."""

import asyncio
import contextlib

import grpc.aio
from gemini_balance.files.v1 import files_pb2, files_pb2_grpc
from redis.asyncio import Redis

from services.files.servicer import FilesServicer
from services.files.settings import FilesSettings
from services.kit.credentials import CredentialBook
from services.kit.grpc_server import serve_grpc
from services.kit.health import Health
from services.kit.http_server import listen, serve_http
from services.kit.logs import get_logger
from services.kit.ops import ops_app
from services.kit.redis_client import UNAVAILABLE, RedisError, open_redis

log = get_logger(__name__)

SERVICE = files_pb2.DESCRIPTOR.services_by_name["FilesService"].full_name
_PING_SECONDS = 1.0


async def serve(settings: FilesSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain.

    Raises:
        OSError: A port is taken.
    """
    health = Health("redis", "accepting")
    ops_port = listen(settings.ops_host, settings.ops_port)
    redis = open_redis(settings.redis_url.get_secret_value(), name="files")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        await stack.enter_async_context(serve_http(ops_app(health), ops_port))
        port = await stack.enter_async_context(
            serve_grpc(
                settings.files_listen,
                _register,
                domain="gemini_balance.files.v1",
                book=CredentialBook.parse(settings.service_credentials.get_secret_value()),
                scopes={SERVICE: "files"},
                health=health,
                drain_seconds=settings.drain_seconds,
            )
        )
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(_watch_redis(redis, health))
            health.report("accepting", well=True)
            log.info("files service started", port=port)
            await stop.wait()
            health.report("accepting", well=False)
            watching.cancel()


def _register(server: grpc.aio.Server) -> None:
    files_pb2_grpc.add_FilesServiceServicer_to_server(FilesServicer(), server)


async def _watch_redis(redis: Redis, health: Health) -> None:
    """Keep readiness in step with the store; liveness never looks at it."""
    well = False
    while True:
        try:
            await redis.ping()
        except (*UNAVAILABLE, RedisError) as error:
            if well:
                log.warning("redis does not answer", error=type(error).__name__)
            well = False
        else:
            well = True
        health.report("redis", well=well)
        await asyncio.sleep(_PING_SECONDS)
