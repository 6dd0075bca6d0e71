"""Faults on demand: which requests they strike, and how often."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.simulator import credentials, errors
from services.simulator.quota import Unit, quota_name

FaultKind = Literal[
    # refusals, each with Google's own body
    "rate_limit_minute",
    "rate_limit_tokens",
    "rate_limit_day",
    "rate_limit_zero",
    "rate_limit_bare",
    "rate_limit_sentence",
    "internal",
    "overloaded",
    "deadline",
    "location",
    "invalid_key",
    "leaked",
    "suspended",
    "denied",
    "service_disabled",
    "corrupted_signature",
    "automated_queries",
    "custom",
    # trouble on the way
    "delay",
    "hold_answer",
    "drop",
    "drop_answer",
    # damaged answers
    "empty_answer",
    "garbage",
    "truncate",
    "drop_midstream",
    "error_chunk",
    "raw_error_chunk",
    "broken_event",
    # Live sessions
    "live_refuse_opening",
    "live_close",
    "live_deaf",
    "live_flood",
]


class Fault(BaseModel):
    """Something that goes wrong for the requests that it matches; empty selectors match all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    """What goes wrong; `live_deaf` reads nothing of a session until the faults are lifted."""

    key: str = ""
    """Only requests with this key."""

    project: str = ""
    """Only requests of this project."""

    model: str = ""
    """Only requests for this model, named without `models/`."""

    verb: str = ""
    """Only this verb, such as `generateContent`, `files.get` or `upload.start`."""

    count: int | None = Field(default=1, ge=1)
    """How many requests it strikes; None for all from now on."""

    every: int = Field(default=1, ge=1)
    """Strikes each request of this many alone: 3 spares two, strikes the third, and so on."""

    delay_seconds: float = Field(default=0, ge=0)
    """How long a request waits before anything else happens to it; for `hold_answer`, how long
    the answer waits after everything has happened."""

    after_chunks: int = Field(default=1, ge=0)
    """How many chunks of a stream are whole before the fault shows."""

    after_bytes: int | None = Field(default=None, ge=0)
    """For `drop`: how many bytes of the request's body are read before; None for all."""

    limit: int = Field(default=0, ge=0)
    """For the rate limits: the value quoted; 0 for a believable one."""

    retry_seconds: float = Field(default=0, ge=0)
    """For the rate limits: the delay quoted; 0 for a believable one."""

    status: int = Field(default=0, ge=0, le=599)
    """For `custom`, `automated_queries` and `live_refuse_opening`: the HTTP status."""

    close_code: int = Field(default=1011, ge=1000, le=4999)
    """For `live_close`: the code."""

    reason: str = Field(default="", max_length=123)
    """For `live_close`: the reason."""

    megabytes: int = Field(default=1, ge=1, le=64)
    """For `live_flood`: how much is said, in messages of 64 KiB."""

    body: dict[str, Any] = {}
    """For `custom`: the JSON body."""


_STREAM = "streamGenerateContent"
LIVE = "bidiGenerateContent"
LIVE_FAULTS = frozenset({"live_refuse_opening", "live_close", "live_deaf", "live_flood"})
STREAM_FAULTS = frozenset(
    {"truncate", "drop_midstream", "error_chunk", "raw_error_chunk", "broken_event"}
)

_WINDOWS: dict[str, tuple[Unit, int, float]] = {
    "rate_limit_minute": ("requests", 10, 38.4),
    "rate_limit_tokens": ("tokens", 250000, 21.7),
    "rate_limit_day": ("day", 250, 54.2),
    "rate_limit_zero": ("day", 0, 31.9),
}


class CustomError(errors.ApiError):
    """A refusal whose body was given by a test."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        """Answer `status` with `body`."""
        super().__init__(status, "custom fault")
        self._body = body

    def envelope(self) -> dict[str, Any]:
        """Return the given body."""
        return self._body


def refusal(
    fault: Fault, *, key: str, project: str, model: str, is_free_tier: bool
) -> errors.ApiError | None:
    """Return what a fault answers at once, or None when it strikes in another way."""
    if window := _WINDOWS.get(fault.kind):
        unit, limit, delay = window
        return errors.quota_exceeded(
            [(quota_name(unit, is_free_tier=is_free_tier), fault.limit or limit)],
            model=model,
            retry_seconds=fault.retry_seconds or delay,
        )
    if fault.kind in {"custom", "automated_queries"}:
        status = fault.status or (500 if fault.kind == "custom" else 429)
        if fault.kind == "custom":
            return CustomError(status, fault.body)
        return errors.automated_queries(status)
    return _credential_refusal(fault, key, project) or _service_refusal(fault, project)


def _credential_refusal(fault: Fault, key: str, project: str) -> errors.ApiError | None:
    match fault.kind:
        case "invalid_key":
            return credentials.invalid_key()
        case "leaked":
            return credentials.leaked_key()
        case "suspended":
            return credentials.suspended_key(key, project)
        case "denied":
            return credentials.denied_project(project)
        case "service_disabled":
            return credentials.service_disabled(project)
    return None


def _service_refusal(fault: Fault, project: str) -> errors.ApiError | None:
    match fault.kind:
        case "internal":
            return errors.internal()
        case "overloaded":
            return errors.overloaded()
        case "deadline":
            return errors.ApiError(504, "Deadline expired before operation could complete.")
        case "location":
            return errors.location_not_supported()
        case "corrupted_signature":
            return errors.corrupted_signature()
        case "rate_limit_bare":
            return errors.ApiError(429, "Resource has been exhausted (e.g. check quota).")
        case "rate_limit_sentence":
            number = credentials.project_number(project)
            return errors.ApiError(
                429,
                "Quota exceeded for quota metric 'Generate Content API requests per minute' and "
                "limit 'GenerateContent request limit per minute for a region' of service "
                f"'{errors.API_ROOT}' for consumer 'project_number:{number}'.",
            )
    return None


@dataclass(slots=True)
class _Entry:
    number: int
    fault: Fault
    seen: int = 0
    hits: int = 0


class FaultBook:
    """The faults in force, the oldest first."""

    def __init__(self) -> None:
        """Start without faults."""
        self._entries: list[_Entry] = []
        self._last = 0

    def add(self, fault: Fault) -> int:
        """Put a fault in force and return its number."""
        self._last += 1
        self._entries.append(_Entry(self._last, fault))
        return self._last

    def is_in_force(self, fault: Fault) -> bool:
        """Whether a fault has not been lifted yet."""
        return any(entry.fault is fault for entry in self._entries)

    def clear(self) -> None:
        """Lift all faults."""
        self._entries.clear()

    def take(self, *, key: str, project: str, model: str, verb: str) -> Fault | None:
        """Return the fault that strikes this request, and count it."""
        for entry in self._entries:
            fault = entry.fault
            if (
                (fault.count is None or entry.hits < fault.count)
                and fault.key in {"", key}
                and fault.project in {"", project}
                and fault.model in {"", model}
                and fault.verb in {"", verb}
                # A damaged stream needs a stream; other calls go by and do not use it up.
                and (fault.kind not in STREAM_FAULTS or verb in {_STREAM, fault.verb})
                and (fault.kind not in LIVE_FAULTS or verb == LIVE)
            ):
                entry.seen += 1
                if entry.seen % fault.every == 0:
                    entry.hits += 1
                    return fault
        return None

    def describe(self) -> list[dict[str, Any]]:
        """Return every fault with its number and how many requests it struck."""
        return [
            {"id": entry.number, "hits": entry.hits, **entry.fault.model_dump()}
            for entry in self._entries
        ]
