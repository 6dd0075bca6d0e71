"""What is not API on the public port: health for load balancers, and the docs."""

import importlib
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.kit.health import Health

# The page brings its style along, and needs nothing else.
_NOTHING_ELSE = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}


def build_pages(health: Health) -> FastAPI:
    """Return the app behind the front door."""
    app = FastAPI(openapi_url=None)

    @app.get("/openapi.json")
    async def openapi() -> JSONResponse:
        return JSONResponse(_document())

    @app.get("/docs")
    async def docs() -> HTMLResponse:
        return HTMLResponse(_page(), headers=_NOTHING_ELSE)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    @app.get("/health")
    async def readyz() -> Response:
        parts: dict[str, Any] = {"parts": health.describe()}
        if health.is_ready:
            return JSONResponse({"status": "ok", **parts})
        return JSONResponse({"status": "unavailable", **parts}, status_code=503)

    @app.get("/")
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.exception_handler(HTTPException)
    async def failed(_request: Request, error: HTTPException) -> JSONResponse:
        body = {
            "error": {
                "message": str(error.detail),
                "type": "invalid_request_error",
                "param": None,
                "code": "unknown_url" if error.status_code == 404 else None,
            }
        }
        return JSONResponse(body, status_code=error.status_code)

    return app


# Few processes are ever asked for the documents: they take 30 ms and 3 MB, once.
@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = _openapi("document").build_document()
    return document


@cache
def _page() -> str:
    page: str = _openapi("page").render_page(_document())
    return page


def _openapi(module: str) -> Any:
    return importlib.import_module(f"services.edge.openapi.{module}")
