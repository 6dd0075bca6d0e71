"""Wiring, health and drain of the edge."""

import asyncio
import contextlib
import gc
from functools import partial

from services.edge.clients import Clients
from services.edge.drain import Drain
from services.edge.front_door import FrontDoor
from services.edge.gemini_routes import GeminiRoutes
from services.edge.keypool import Keypool
from services.edge.leasing.desk import LeaseDesk
from services.edge.openai_routes import OpenAiRoutes
from services.edge.pages import build_pages
from services.edge.router import Router
from services.edge.runtime import Runtime
from services.edge.settings import EdgeSettings
from services.edge.upstream import Upstream
from services.kit.egress import Egress
from services.kit.health import Health
from services.kit.http_server import listen, serve_http
from services.kit.http_transport import AiohttpTransport
from services.kit.logs import get_logger
from services.kit.ops import ops_app

log = get_logger(__name__)

_LEASE_SLACK_SECONDS = 30
_SETTLE_AT_END_SECONDS = 3
_PATIENCE_SECONDS = 10


async def serve(settings: EdgeSettings, stop: asyncio.Event) -> None:
    """Serve the public port and the ops port until told to stop."""
    # Both ports are bound first: a taken one must fail before anything starts.
    public = listen(settings.http_host, settings.http_port)
    ops = listen(settings.ops_host, settings.ops_port)
    health = Health("keypool", "accepting")
    egress = Egress(
        partial(
            AiohttpTransport,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.time_out,
        )
    )
    keypool = Keypool(settings.keypool_target, settings.service_credential.get_secret_value())
    patience = min(settings.max_wait_seconds, _PATIENCE_SECONDS)
    desk = LeaseDesk(
        keypool,
        health,
        grace_seconds=settings.lease_grace_seconds,
        lease_seconds=settings.time_out + _LEASE_SLACK_SECONDS,
        patience=patience,
    )
    clients = Clients(keypool, grace_seconds=settings.lease_grace_seconds, patience=patience)
    drain = Drain()
    runtime = Runtime(settings, clients, desk, Upstream(settings.base_url, egress), drain)
    door = FrontDoor(Router(OpenAiRoutes(runtime), GeminiRoutes(runtime)), build_pages(health))
    working = asyncio.create_task(desk.run())
    meeting = asyncio.create_task(_meet(keypool, health))
    gc.freeze()
    try:
        async with (
            serve_http(ops_app(health), ops, drain_seconds=1),
            serve_http(door, public, drain_seconds=settings.drain_seconds, backlog=2048),
        ):
            health.report("accepting", well=True)
            log.info("edge is up", port=public.getsockname()[1])
            await stop.wait()
            health.report("accepting", well=False)
            # One second before the server would cut them, streams tell their clients.
            asyncio.get_running_loop().call_later(
                max(0.0, settings.drain_seconds - 1), drain.interrupt
            )
    finally:
        for task in (working, meeting):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await desk.close(_SETTLE_AT_END_SECONDS)
        await keypool.close()
        await egress.aclose()


async def _meet(keypool: Keypool, health: Health) -> None:
    """Be ready once the key pool has been reached; grace covers its later absences."""
    while not await keypool.is_serving():
        await asyncio.sleep(0.2)
    health.report("keypool", well=True)
