"""The ops port of a service: /livez, /readyz and /metrics, and no secrets."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from services.kit.health import Health

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def ops_app(health: Health) -> Asgi:
    """Return the ASGI app of the ops port."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, kind, body = _answer(scope["path"], health)
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def _answer(path: str, health: Health) -> tuple[int, str, bytes]:
    match path:
        case "/livez":
            # The process answers; what it depends on is readiness' business.
            return 200, "application/json", b'{"status":"ok"}'
        case "/readyz":
            ready = health.is_ready
            body = {"status": "ok" if ready else "unavailable", "parts": health.describe()}
            return 200 if ready else 503, "application/json", orjson.dumps(body)
        case "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
    return 404, "application/json", b'{"status":"not found"}'
