"""Errors in the form that the clients of each dialect understand."""

import math
from typing import Any

import orjson

from services.edge.anthropic import errors as anthropic
from services.edge.dialects import Dialect
from services.edge.errors import ApiError
from services.edge.openai.errors import error_body, translate_error
from services.kit.context import request_id

Headers = list[tuple[bytes, bytes]]

_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    410: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_OPENAI_TYPE = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def openai_type(status: int) -> str:
    """Return OpenAI's error type for a status."""
    return _OPENAI_TYPE.get(status, "invalid_request_error" if status < 500 else "api_error")


def google_error(error: ApiError) -> dict[str, Any]:
    """Return Google's envelope of an error."""
    details: list[dict[str, Any]] = []
    if error.code:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": error.code.upper(),
                "domain": "gemini-balance",
            }
        )
    if error.retry_after is not None:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": f"{math.ceil(error.retry_after)}s",
            }
        )
    body: dict[str, Any] = {
        "code": error.status,
        "message": error.message,
        "status": error.google_status or _GOOGLE_STATUS.get(error.status, "UNKNOWN"),
    }
    if details:
        body["details"] = details
    return {"error": body}


def openai_error(error: ApiError) -> dict[str, Any]:
    """Return OpenAI's envelope of an error."""
    return error_body(
        error.message, type=openai_type(error.status), code=error.code, param=error.param
    )


def anthropic_error(error: ApiError) -> dict[str, Any]:
    """Return Anthropic's envelope of an error."""
    message = anthropic.with_param(error.message, error.param)
    return anthropic.error_body(
        message, status=error.status, request_id=request_id.get(), code=error.code
    )


_OWN_ERRORS = {
    Dialect.GEMINI: google_error,
    Dialect.OPENAI: openai_error,
    Dialect.ANTHROPIC: anthropic_error,
}


def render(error: ApiError, dialect: Dialect) -> tuple[Headers, bytes]:
    """Return the headers and the body that tell a client of an error."""
    body = _OWN_ERRORS[dialect](error)
    headers: Headers = [(b"content-type", b"application/json; charset=UTF-8")]
    headers += retry_headers(error.retry_after)
    if error.retryable is False and dialect is not Dialect.GEMINI:
        headers.append((b"x-should-retry", b"false"))
    return headers, orjson.dumps(body)


def retry_headers(retry_after: float | None) -> Headers:
    """Return the header that says when trying again can help."""
    if retry_after is None:
        return []
    return [(b"retry-after", b"%d" % max(1, math.ceil(retry_after)))]


def upstream_status(status: int, dialect: Dialect) -> int:
    """Return the status by which a client is told of an upstream's error."""
    return anthropic.upstream_status(status) if dialect is Dialect.ANTHROPIC else status


def render_upstream(
    status: int, content_type: str, body: bytes, dialect: Dialect
) -> tuple[Headers, bytes]:
    """Return the headers and the body that pass an upstream error on.

    Args:
        status: The upstream's; the client gets that of `upstream_status`.
        content_type: The upstream's.
        body: The upstream's, already scrubbed.
        dialect: The client's.
    """
    headers: Headers = [(b"content-type", b"application/json; charset=UTF-8")]
    if dialect is Dialect.OPENAI:
        return headers, orjson.dumps(translate_error(status, body))
    if dialect is Dialect.ANTHROPIC:
        told = anthropic.translate_error(status, body, request_id=request_id.get())
        return headers, orjson.dumps(told)
    if "json" in content_type:
        return headers, body
    # A page meant for people, such as Google's "automated queries": not for an SDK to parse.
    message = f"The upstream answered with status {status} and no JSON."
    return headers, orjson.dumps(google_error(ApiError(status, message)))
