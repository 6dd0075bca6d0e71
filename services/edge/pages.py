"""What is not API on the public port: health for load balancers, and the docs."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.kit.health import Health


def build_pages(health: Health) -> FastAPI:
    """Return the app behind the front door."""
    app = FastAPI(
        title="Gemini Balance",
        description="One front door to Google's Gemini API for a whole organisation.",
        version="v1",
        redoc_url=None,
    )

    @app.get("/livez", summary="Whether the process lives")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Whether requests can be served")
    @app.get("/health", summary="The same, under its older name")
    async def readyz() -> Response:
        parts: dict[str, Any] = {"parts": health.describe()}
        if health.is_ready:
            return JSONResponse({"status": "ok", **parts})
        return JSONResponse({"status": "unavailable", **parts}, status_code=503)

    @app.get("/", include_in_schema=False)
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
