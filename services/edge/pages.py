"""What is not API on the public port: health for load balancers, and the docs."""

import importlib
from functools import cache
from typing import Any

import orjson

from services.kit.health import Health
from services.kit.ops import Receive, Scope, Send

Answer = tuple[int, dict[bytes, bytes], bytes]
"""Status, headers and body."""

_JSON = {b"content-type": b"application/json"}
_HTML = {
    b"content-type": b"text/html; charset=utf-8",
    # The page brings its style along, and needs nothing else.
    b"content-security-policy": b"default-src 'none'; style-src 'unsafe-inline'",
}


class Pages:
    """The ASGI app behind the front door.

    Attributes:
        by_path: What answers at each path.
    """

    def __init__(self, health: Health) -> None:
        """Tell of a service's health."""
        self._health = health
        self.by_path = {
            "/": lambda: (307, {b"location": b"/docs"}, b""),
            "/docs": lambda: (200, _HTML, _page()),
            "/openapi.json": lambda: (200, _JSON, orjson.dumps(_document())),
            "/livez": lambda: (200, _JSON, b'{"status":"ok"}'),
            "/readyz": self._readiness,
            "/health": self._readiness,
        }

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        status, headers, body = self._answer(scope["method"], scope["path"])
        head = [*headers.items(), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, method: str, path: str) -> Answer:
        answer = self.by_path.get(path.rstrip("/") or "/")
        if answer is None:
            return _failure(404, "Not Found", "unknown_url")
        if method != "GET":
            status, headers, body = _failure(405, "Method Not Allowed", None)
            return status, {**headers, b"allow": b"GET"}, body
        return answer()

    def _readiness(self) -> Answer:
        is_ready = self._health.is_ready
        body = {"status": "ok" if is_ready else "unavailable", "parts": self._health.describe()}
        return 200 if is_ready else 503, _JSON, orjson.dumps(body)


def _failure(status: int, message: str, code: str | None) -> Answer:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return status, _JSON, orjson.dumps({"error": error})


# Few processes are ever asked for the documents: they take 30 ms and 3 MB, once.
@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = _openapi("document").build_document()
    return document


@cache
def _page() -> bytes:
    page: str = _openapi("page").render_page(_document())
    return page.encode()


def _openapi(name: str) -> Any:
    return importlib.import_module(f"services.edge.openapi.{name}")
