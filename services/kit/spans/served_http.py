"""Spans of HTTP requests and WebSockets that are served."""

from collections.abc import MutableMapping
from typing import Any

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, StatusCode

from services.kit.context import request_id
from services.kit.ops import Asgi, Receive, Scope, Send
from services.kit.scrub import scrub
from services.kit.spans import carrying

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
# Probes come every few seconds, and nobody waits for them.
_PROBES = frozenset({"/livez", "/readyz", "/health"})


class TracedApp:
    """Makes a span of each request and of each WebSocket.

    What serves a request gives its span a better name.
    """

    def __init__(self, app: Asgi) -> None:
        """Take what serves."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "websocket":
            method, name = "GET", "WebSocket"
        elif scope["type"] == "http" and scope["path"] not in _PROBES:
            method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
            name = method if method in _METHODS else "HTTP"
        else:
            await self._app(scope, receive, send)
            return
        span = carrying.tracer().start_span(
            name,
            context=carrying.parent_of(_traceparent(scope)),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "url.scheme": scope.get("scheme", "http")},
        )
        token = context.attach(trace.set_span_in_context(span))

        async def noted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_attribute("error.type", str(status))
                    span.set_status(StatusCode.ERROR)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            # A client may send anything as the id of its request.
            span.set_attribute("gemini_balance.request_id", scrub(request_id.get()))
            span.end()
            context.detach(token)


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            text: str = value.decode("latin-1")
            return text
    return None
