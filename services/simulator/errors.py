"""The error bodies that Google answers with, word for word where they are known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

HELP_URL = "https://ai.google.dev/gemini-api/docs/rate-limits"
API_ROOT = "generativelanguage.googleapis.com"

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class ApiError(Exception):
    """A refusal in Google's envelope."""

    def __init__(
        self, code: int, message: str, *, status: str = "", details: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Describe the refusal; the canonical status follows from `code` unless given."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or STATUS_NAMES.get(code, "UNKNOWN")
        self.details = tuple(details)

    def envelope(self) -> dict[str, Any]:
        """Return the JSON body."""
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "status": self.status,
        }
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}

    @property
    def content_type(self) -> str:
        """The media type of the body."""
        return "application/json; charset=UTF-8"

    def body(self) -> bytes:
        """Return the body as Google prints it."""
        return orjson.dumps(self.envelope(), option=orjson.OPT_INDENT_2) + b"\n"


class HtmlPageError(ApiError):
    """A refusal by a front end of Google that speaks HTML, not JSON."""

    def __init__(self, code: int, title: str, text: str) -> None:
        """Show `text` under `title`."""
        super().__init__(code, text)
        self._title = title

    @property
    def content_type(self) -> str:
        """The media type of the body."""
        return "text/html; charset=UTF-8"

    def body(self) -> bytes:
        """Return the page."""
        return (
            f"<!DOCTYPE html>\n<html lang=en>\n<title>{self._title}</title>\n"
            f"<p><b>{self.code}.</b> {self.message}\n</html>\n"
        ).encode()


def invalid(message: str, *, details: Sequence[dict[str, Any]] = ()) -> ApiError:
    """The request itself is wrong."""
    return ApiError(400, message, details=details)


def bad_payload(problems: Iterable[tuple[str, str]]) -> ApiError:
    """The payload does not fit the API's messages; problems are (field path, description)."""
    violations = []
    for path, text in problems:
        violations.append({"field": path, "description": text} if path else {"description": text})
    message = "\n".join(violation["description"] for violation in violations)
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}
    return invalid(message, details=[detail])


def error_info(reason: str, **metadata: str) -> dict[str, Any]:
    """Return the machine readable part of an error about a credential."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": API_ROOT, **metadata},
    }


def not_on_this_server(path: str) -> HtmlPageError:
    """No method of the API has this path."""
    text = f"The requested URL {path} was not found on this server. That's all we know."
    return HtmlPageError(404, "Error 404 (Not Found)!!1", text)


def automated_queries(code: int = 429) -> HtmlPageError:
    """The front end distrusts the address that the request came from."""
    text = (
        "We're sorry... but your computer or network may be sending automated queries. "
        "To protect our users, we can't process your request right now."
    )
    return HtmlPageError(code, "Sorry...", text)


def model_not_found(model: str, version: str, method: str) -> ApiError:
    """The model does not exist, or not for this method."""
    listing = "ModelService.ListModels" if method == "generateContent" else "ListModels"
    return ApiError(
        404,
        f"models/{model} is not found for API version {version}, or is not supported for "
        f"{method}. Call {listing} to see the list of available models and their supported "
        "methods.",
    )


def no_such_file(file_id: str) -> ApiError:
    """The file belongs to another project, or to none: Google does not tell which."""
    return ApiError(
        403,
        f"You do not have permission to access the File {file_id} or it may not exist.",
    )


def file_not_active(file_id: str) -> ApiError:
    """Google has not done with the file, or cannot process it."""
    return ApiError(
        400,
        f"The File {file_id} is not in an ACTIVE state and usage is not allowed.",
        status="FAILED_PRECONDITION",
    )


def location_not_supported() -> ApiError:
    """The address that the request came from is in an unsupported country."""
    return ApiError(
        400,
        "User location is not supported for the API use.",
        status="FAILED_PRECONDITION",
    )


def overloaded() -> ApiError:
    """The model has no capacity at the moment."""
    return ApiError(503, "The model is overloaded. Please try again later.")


def internal() -> ApiError:
    """Google failed."""
    return ApiError(
        500,
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
    )


def corrupted_signature() -> ApiError:
    """A thought signature was altered, or issued to somebody else."""
    return invalid("Corrupted thought signature.")


@dataclass(frozen=True, slots=True)
class QuotaName:
    """How Google calls a quota."""

    metric: str
    quota_id: str


def quota_exceeded(
    violations: Sequence[tuple[QuotaName, int]], *, model: str, retry_seconds: float
) -> ApiError:
    """One or more quotas of the project are spent for the model.

    Args:
        violations: Each quota with its limit; a limit of 0 means never offered.
        model: The model's name without `models/`.
        retry_seconds: What RetryInfo says, which is short even when a day is spent.
    """
    opening = (
        "You exceeded your current quota, please check your plan and billing details. For more "
        f"information on this error, head to: {HELP_URL}. "
    )
    lines = [opening]
    entries: list[dict[str, Any]] = []
    for quota, limit in violations:
        lines.append(
            f"* Quota exceeded for metric: {API_ROOT}/{quota.metric}, limit: {limit}, "
            f"model: {model}"
        )
        entry: dict[str, Any] = {
            "quotaMetric": f"{API_ROOT}/{quota.metric}",
            "quotaId": quota.quota_id,
            "quotaDimensions": {"location": "global", "model": model},
        }
        if limit:
            entry["quotaValue"] = str(limit)
        entries.append(entry)
    lines.append(f"Please retry in {_trim(retry_seconds)}s.")
    # Google cuts the fraction off in RetryInfo; below one second it shows it.
    delay = str(int(retry_seconds)) if retry_seconds >= 1 else _trim(max(retry_seconds, 0.001))
    return ApiError(
        429,
        "\n".join(lines),
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{"description": "Learn more about Gemini API quotas", "url": HELP_URL}],
            },
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": entries},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{delay}s"},
        ],
    )


def _trim(seconds: float) -> str:
    return f"{seconds:.9f}".rstrip("0").rstrip(".")
