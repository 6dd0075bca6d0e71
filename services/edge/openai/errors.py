"""Errors in OpenAI's form, and Google's errors translated to it."""

from typing import Any

import orjson

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_LONGEST_TEXT = 2000


class BadRequestError(Exception):
    """The request cannot be put into Gemini's words; sending it again cannot help.

    Attributes:
        message: For the client.
        param: The path of the wrong field, such as `messages[0].content`.
        code: Machine-readable reason, in OpenAI's words where it has one.
    """

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        """Describe the failure."""
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


class AnswerError(Exception):
    """The upstream's answer is no answer to what was asked: not the client's fault."""


class SpoiltAnswerError(AnswerError):
    """The model has failed at what it can do: asked again it may do better."""


def error_body(
    message: str,
    *,
    type: str,  # noqa: A002 - the word of the wire
    code: str | None = None,
    param: str | None = None,
) -> dict[str, Any]:
    """Return OpenAI's envelope of an error."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def translate_error(status: int, body: bytes) -> dict[str, Any]:
    """Return Google's error as OpenAI would tell it.

    Args:
        status: Google's status; the client gets the same.
        body: Google's, without secrets. Any bytes are possible: pages and empty bodies occur.
    """
    error = _google_error(body)
    message = error.get("message")
    if not isinstance(message, str) or not message:
        message = _plain_text(body) or f"The upstream answered with status {status}."
    code, param = _reason(status, error, message)
    return error_body(message, type=_type_of(status), code=code, param=param)


def _type_of(status: int) -> str:
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


def _google_error(body: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    # Google's stream endpoints and its own OpenAI endpoint wrap the object in a list.
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    error = parsed.get("error") if isinstance(parsed, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _plain_text(body: bytes) -> str:
    text = body[: 4 * _LONGEST_TEXT].decode("utf-8", "replace").strip()
    # A page for people or a JSON value that is no error says nothing to a program's user.
    return "" if text[:1] in {"<", "{", "[", '"'} else text[:_LONGEST_TEXT]


def _reason(status: int, error: dict[str, Any], message: str) -> tuple[str | None, str | None]:
    if status == 429:
        return ("insufficient_quota" if _is_spent(error, message) else "rate_limit_exceeded"), None
    if status == 404 and message.startswith("models/"):
        return "model_not_found", "model"
    if status == 503:
        return "overloaded", None
    canonical = error.get("status")
    return (canonical.lower() if isinstance(canonical, str) and canonical else None), None


def _is_spent(error: dict[str, Any], message: str) -> bool:
    """Whether a 429 tells of a day's quota, or of none at all: soon is too early to try again."""
    if "limit: 0," in message or message.endswith("limit: 0"):
        return True
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        violations = detail.get("violations") if isinstance(detail, dict) else None
        for violation in violations if isinstance(violations, list) else ():
            quota = violation.get("quotaId") if isinstance(violation, dict) else None
            if isinstance(quota, str) and "PerDay" in quota:
                return True
    return False
