"""Errors in Anthropic's form, and Google's errors translated to it."""

from typing import Any

from services.edge.openai import errors as openai_errors

OVERLOADED = 529
"""The status that Anthropic's clients know an overloaded model by."""

THREADS_UNSUPPORTED = "thread_unsupported_request"
"""Anthropic's code that makes its SDKs send whole conversations instead of what is new."""

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}


def error_type(status: int) -> str:
    """Return Anthropic's error type for a status."""
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


def upstream_status(status: int) -> int:
    """Return the status that tells of an upstream's: Google says 503 when it is overloaded."""
    return OVERLOADED if status == 503 else status


def with_param(message: str, param: str | None) -> str:
    """Return a message that names the wrong field: the envelope has no place of its own for it."""
    return message if not param or param in message else f"{param}: {message}"


def error_body(
    message: str, *, status: int, request_id: str, code: str | None = None
) -> dict[str, Any]:
    """Return Anthropic's envelope of an error.

    Args:
        message: For the client.
        status: The HTTP status; within a stream, the one that it would have had.
        request_id: For the people who look into it.
        code: Machine-readable reason; told where Anthropic has the same.
    """
    error: dict[str, Any] = {"type": error_type(status), "message": message}
    if code == THREADS_UNSUPPORTED:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error, "request_id": request_id}


def translate_error(status: int, body: bytes, *, request_id: str) -> dict[str, Any]:
    """Return Google's error as Anthropic would tell it.

    Args:
        status: Google's.
        body: Google's, without secrets. Any bytes are possible: pages and empty bodies occur.
        request_id: As in `error_body`.
    """
    message = openai_errors.translate_error(status, body)["error"]["message"]
    return error_body(message, status=upstream_status(status), request_id=request_id)
