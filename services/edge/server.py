"""Wiring, health and drain of the edge."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Sequence
from functools import partial

from services.edge.clients import Clients
from services.edge.drain import Drain
from services.edge.fetching.fetcher import Fetcher, Limits
from services.edge.fetching.reach import Reach
from services.edge.files import Files
from services.edge.front_door import FrontDoor
from services.edge.handlers import build_handlers
from services.edge.hosted_media import HostedMedia
from services.edge.kept_answers import KeptAnswers
from services.edge.keypool import Keypool
from services.edge.leasing.desk import LeaseDesk
from services.edge.live.routes import LiveRoutes
from services.edge.live.upstream import LiveUpstream
from services.edge.pages import build_pages
from services.edge.resources.access import Access
from services.edge.resources.bringing import Bringing
from services.edge.resources.copies import Copies
from services.edge.resources.making import Making
from services.edge.resources.registry import Registry
from services.edge.router import Router
from services.edge.runtime import Runtime
from services.edge.settings import EdgeSettings
from services.edge.upstream import Destination, Upstream
from services.edge.workers.sockets import Inheritance, adopt
from services.kit.egress import Egress
from services.kit.grpc_channel import ServiceChannel
from services.kit.health import Health
from services.kit.http1.pool import Http1Client, Timeouts
from services.kit.http1.proxied import ProxiedClient
from services.kit.http1.reply import Client
from services.kit.http_server import listen, serve_http
from services.kit.http_transport import AiohttpTransport
from services.kit.logs import get_logger
from services.kit.ops import Asgi, ops_app
from services.kit.reloading import Changes
from services.kit.tracing import load_if_tracing
from services.kit.websocket_server import websocket_options

log = get_logger(__name__)

_LEASE_SLACK_SECONDS = 30
_SETTLE_AT_END_SECONDS = 3
_PATIENCE_SECONDS = 10
_WATCH_SECONDS = 5


async def serve(
    settings: EdgeSettings, stop: asyncio.Event, changes: Changes[EdgeSettings] | None = None
) -> None:
    """Serve the public port and the ops port until told to stop.

    Raises:
        OSError: A port is taken.
    """
    # Both ports are bound first: a taken one must fail before anything starts.
    public = listen(settings.http_host, settings.http_port)
    ops = listen(settings.ops_host, settings.ops_port)
    await serve_on(public, ops, settings, stop, changes)


async def serve_as_worker(
    settings: EdgeSettings,
    stop: asyncio.Event,
    given: Inheritance,
    changes: Changes[EdgeSettings] | None = None,
) -> None:
    """Serve on inherited sockets until told to stop, or until the foreman has ended."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(given.life)
        stop.set()

    loop.add_reader(given.life, end)
    await serve_on(adopt(given.public), adopt(given.ops), settings, stop, changes)


async def serve_on(
    public: socket.socket,
    ops: socket.socket,
    settings: EdgeSettings,
    stop: asyncio.Event,
    changes: Changes[EdgeSettings] | None = None,
) -> None:
    """Serve on bound sockets until told to stop."""
    health = Health("keypool", "accepting")
    egress = Egress(partial(_way_out, settings, settings.base_url))
    vertex_url = settings.vertex_express_base_url
    vertex_egress = Egress(partial(_way_out, settings, vertex_url))
    ways = (Destination(settings.base_url, egress), Destination(vertex_url, vertex_egress))
    credential = settings.service_credential.get_secret_value()
    keypool = Keypool(settings.keypool_target, credential, tls=settings.tls)
    files = (
        Files(settings.files_target, credential, silence=settings.time_out, tls=settings.tls)
        if settings.files_target
        else None
    )
    patience = min(settings.max_wait_seconds, _PATIENCE_SECONDS)
    traced = load_if_tracing("services.edge.traced")
    desk = (traced.TracedDesk if traced else LeaseDesk)(
        keypool,
        health,
        grace_seconds=settings.lease_grace_seconds,
        lease_seconds=settings.time_out + _LEASE_SLACK_SECONDS,
        patience=patience,
    )
    clients = Clients(keypool, grace_seconds=settings.lease_grace_seconds, patience=patience)
    drain = Drain()
    registry = Registry(keypool.channel, desk)
    copies = Copies(files.channel, ensure_seconds=settings.time_out) if files else None
    fetcher = _fetcher(settings)
    runtime = Runtime(
        settings=settings,
        clients=clients,
        desk=desk,
        upstream=(
            traced.TracedUpstream(
                *ways, settings.custom_headers, tells_google=settings.trace_upstream
            )
            if traced
            else Upstream(*ways, settings.custom_headers)
        ),
        drain=drain,
        files=files,
        registry=registry,
        access=Access(registry, files_are_shared=not settings.files_user_isolation_enabled),
        bringing=Bringing(copies),
        fetcher=fetcher,
        media=HostedMedia(files.channel) if files else None,
        answers=KeptAnswers(files.channel) if files else None,
        models=settings.models(),
    )
    if changes is not None:
        neighbours = [keypool.channel, files.channel] if files else [keypool.channel]
        changes.subscribe(partial(_change, runtime, neighbours))
    making = Making(runtime)
    handlers = build_handlers(runtime, making)
    door: Asgi = FrontDoor(
        (traced.TracedRouter if traced else Router)(handlers),
        build_pages(health),
        drain,
        LiveRoutes(
            runtime,
            making,
            (traced.TracedLiveUpstream if traced else LiveUpstream)(
                settings.base_url,
                settings.custom_headers,
                connect_seconds=settings.connect_timeout,
                max_message_bytes=settings.live_max_message_bytes,
            ),
        ),
        repairs_paths=settings.url_normalization_enabled,
    )
    if traced:
        door = traced.TracedApp(door)
    tasks = [
        asyncio.create_task(work)
        for work in (desk.run(), _meet(keypool, health), _watch(files, health))
    ]
    gc.freeze()
    # Requests leave no cycles behind. Thousands of open ones are many young objects, though,
    # and by the usual thresholds each burst would be searched for cycles again and again.
    gc.set_threshold(10_000, 20, 20)
    try:
        async with (
            serve_http(ops_app(health), ops, drain_seconds=1),
            serve_http(
                door,
                public,
                drain_seconds=settings.drain_seconds,
                backlog=2048,
                **websocket_options(settings.live_max_message_bytes),
            ),
        ):
            health.report("accepting", well=True)
            log.info("edge is up", port=public.getsockname()[1])
            await stop.wait()
            health.report("accepting", well=False)
            # One second before the server would cut them, requests tell their clients.
            drain.begin(max(0.0, settings.drain_seconds - 1))
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await making.close(_SETTLE_AT_END_SECONDS)
        await desk.close(_SETTLE_AT_END_SECONDS)
        await keypool.close()
        if files is not None:
            await files.close()
        if fetcher is not None:
            await fetcher.close()
        await egress.aclose()
        await vertex_egress.aclose()


def _change(runtime: Runtime, channels: Sequence[ServiceChannel], settings: EdgeSettings) -> None:
    runtime.settings = settings
    runtime.models = settings.models()
    for channel in channels:
        channel.credential = settings.service_credential.get_secret_value()


def _way_out(settings: EdgeSettings, base_url: str, proxy_url: str) -> Client:
    if not proxy_url:
        return Http1Client(base_url, Timeouts(settings.connect_timeout, settings.time_out))
    transport = AiohttpTransport(
        proxy_url, connect_timeout=settings.connect_timeout, read_timeout=settings.time_out
    )
    return ProxiedClient(base_url, transport)


def _fetcher(settings: EdgeSettings) -> Fetcher | None:
    if not settings.remote_media_enabled:
        return None
    limits = Limits(settings.remote_media_max_bytes, settings.remote_media_seconds)
    return Fetcher(Reach(settings.remote_media_allow_nets), limits)


async def _meet(keypool: Keypool, health: Health) -> None:
    """Be ready once the key pool has been reached; grace covers its later absences."""
    while not await keypool.is_serving():
        await asyncio.sleep(0.2)
    health.report("keypool", well=True)


async def _watch(files: Files | None, health: Health) -> None:
    """Show how the files service is. The edge is ready without it: most requests are."""
    health.note("files", "unavailable" if files else "not configured")
    while files is not None:
        health.note("files", "ok" if await files.is_serving() else "unavailable")
        await asyncio.sleep(_WATCH_SECONDS)
