"""A gRPC server with health, reflection, credentials and an orderly end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from services.kit.credentials import CredentialBook
from services.kit.grpc_boundary import Boundary
from services.kit.grpc_flow import FLOW_CONTROL
from services.kit.grpc_line import SERVER_LINE
from services.kit.health import Health
from services.kit.logs import get_logger
from services.kit.tls import TlsFiles, server_credentials

log = get_logger(__name__)


@contextlib.asynccontextmanager
async def serve_grpc(
    address: str,
    register: Callable[[grpc.aio.Server], None],
    *,
    domain: str,
    book: CredentialBook,
    scopes: Mapping[str, str],
    health: Health,
    drain_seconds: float,
    tls: TlsFiles | None = None,
) -> AsyncIterator[int]:
    """Serve gRPC for the length of the block and yield the port.

    Leaving the block says NOT_SERVING, lets calls finish for at most
    `drain_seconds`, cancels the rest and waits for their clean-up.

    Args:
        address: Such as `0.0.0.0:50051`; port 0 takes any free one.
        register: Adds the servicers.
        domain: The error domain.
        book: The accepted credentials.
        scopes: Full service name to the scope it needs.
        health: Readiness, shown by the standard health service.
        drain_seconds: See above.
        tls: The certificate; with it, callers need one, too, and nothing is said in plain.

    Raises:
        OSError: The address cannot be bound.
        TlsFilesError: The files of `tls` cannot be used.
    """
    boundary = Boundary(domain, book, scopes)
    server = grpc.aio.server(interceptors=[boundary], options=[*SERVER_LINE, *FLOW_CONTROL])
    register(server)
    servicer = HealthServicer()
    names = ["", *scopes]
    for name in names:
        # The servicer starts as SERVING for "", before anything works.
        await servicer.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection(
        [
            *scopes,
            health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
            reflection.SERVICE_NAME,
        ],
        server,
    )
    try:
        port = (
            server.add_secure_port(address, server_credentials(tls))
            if tls
            else server.add_insecure_port(address)
        )
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}") from error
    await server.start()
    tasks: set[asyncio.Task[None]] = set()

    def show(ready: bool) -> None:
        task = asyncio.ensure_future(_show(servicer, names, ready=ready))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    health.subscribe(show)
    try:
        yield port
    finally:
        await servicer.enter_graceful_shutdown()
        await server.stop(drain_seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await boundary.wait_idle()


async def _show(servicer: HealthServicer, names: list[str], *, ready: bool) -> None:
    status = (
        health_pb2.HealthCheckResponse.SERVING
        if ready
        else health_pb2.HealthCheckResponse.NOT_SERVING
    )
    for name in names:
        await servicer.set(name, status)
