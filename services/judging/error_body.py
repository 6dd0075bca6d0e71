"""Reads the facts out of an upstream error body, whatever its bytes."""

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.judging.evidence import MAX_BODY

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_RETRY_TEXT = re.compile(r"Please retry in (\d{1,9}(?:\.\d{1,9})?)(ms|s)\b")
# The form before 2025: one sentence that quotes the name of the limit.
_OLD_LIMIT = re.compile(r"Quota exceeded for quota metric '[^']*' and limit '([^']*)'")


@dataclass(frozen=True, slots=True)
class Violation:
    """One limit that was exceeded, as a QuotaFailure tells it.

    Attributes:
        quota_id: Such as `GenerateRequestsPerDayPerProjectPerModel-FreeTier`.
        metric: Such as `.../generate_content_free_tier_requests`.
        value: The limit; None when the body does not say.
    """

    quota_id: str
    metric: str
    value: int | None


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error body says; empty where it says nothing.

    Attributes:
        code: The code inside the body, 0 when there is none.
        status: Such as `RESOURCE_EXHAUSTED`.
        message: The message for people. Parts of it may come from the client.
        reasons: The reasons of its ErrorInfos.
        services: The APIs that its ErrorInfos speak of.
        violations: The limits exceeded.
        retry_delay: From RetryInfo, else from the message.
        page: The text of a web page, in lower case, when the body is one.
    """

    code: int = 0
    status: str = ""
    message: str = ""
    reasons: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    violations: tuple[Violation, ...] = ()
    retry_delay: timedelta | None = None
    page: str = ""


def read_error_body(body: bytes) -> ErrorBody:
    """Return the facts of an error body; never fails."""
    text = body[:MAX_BODY].decode("utf-8", "replace").strip()
    error = _find_error(text)
    if error is None:
        is_page = text[:256].lower().lstrip("\ufeff \n").startswith(("<!doctype", "<html", "<head"))
        return ErrorBody(page=text.lower() if is_page else "")
    message = _text(error.get("message"))
    details = [entry for entry in _list(error.get("details")) if isinstance(entry, dict)]
    return ErrorBody(
        code=_whole(error.get("code")) or 0,
        status=_text(error.get("status")),
        message=message,
        reasons=frozenset(filter(None, (_text(entry.get("reason")) for entry in details))),
        services=frozenset(filter(None, map(_service, details))),
        violations=_violations(details) or _old_violation(message),
        retry_delay=_retry_delay(details, message),
    )


def read_error_details(body: bytes) -> tuple[str, list[dict[str, Any]]]:
    """Return the message of an error body and its details; never fails."""
    error = _find_error(body[:MAX_BODY].decode("utf-8", "replace").strip())
    if error is None:
        return "", []
    details = [entry for entry in _list(error.get("details")) if isinstance(entry, dict)]
    return _text(error.get("message")), details


def _find_error(text: str) -> dict[str, Any] | None:
    """Return the object below `error`, bare, in a list or in an event of a stream."""
    text = text.removeprefix("data:").lstrip()
    if not text.startswith(("{", "[")):
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        # Google's own OpenAI-compatible endpoint wraps its errors so.
        value = value[0] if value else None
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else None


def _service(detail: dict[str, Any]) -> str:
    metadata = detail.get("metadata")
    return _text(metadata.get("service")) if isinstance(metadata, dict) else ""


def _violations(details: list[dict[str, Any]]) -> tuple[Violation, ...]:
    # Details are told apart by content: the key of their type is sometimes misspelt.
    return tuple(
        Violation(
            quota_id=_text(row.get("quotaId")),
            metric=_text(row.get("quotaMetric")),
            value=_whole(row.get("quotaValue")),
        )
        for entry in details
        for row in _list(entry.get("violations"))
        if isinstance(row, dict) and (row.get("quotaId") or row.get("quotaMetric"))
    )


def _old_violation(message: str) -> tuple[Violation, ...]:
    found = _OLD_LIMIT.match(message)
    if not found:
        return ()
    name = found.group(1)
    window = "PerDay" if "per day" in name else "PerMinute" if "per minute" in name else ""
    return (Violation(quota_id=window, metric=name, value=None),)


def _retry_delay(details: list[dict[str, Any]], message: str) -> timedelta | None:
    for entry in details:
        if found := _DURATION.fullmatch(_text(entry.get("retryDelay"))):
            return timedelta(seconds=float(found.group(1)))
    if found := _RETRY_TEXT.search(message):
        seconds = float(found.group(1))
        return timedelta(seconds=seconds / 1000 if found.group(2) == "ms" else seconds)
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    """Return a number that may have been written as text (int64 in JSON)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    return None
