"""Quotas a project has for a model: requests a minute, input tokens a minute, requests a day."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from services.simulator.clock import pacific_day
from services.simulator.errors import ApiError, QuotaName, quota_exceeded

MINUTE = 60.0

Unit = Literal["requests", "tokens", "day"]

_FREE = {
    "requests": QuotaName(
        "generate_content_free_tier_requests",
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    ),
    "tokens": QuotaName(
        "generate_content_free_tier_input_token_count",
        "GenerateContentInputTokensPerModelPerMinute-FreeTier",
    ),
    "day": QuotaName(
        "generate_content_free_tier_requests",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    ),
}
_PAID = {
    "requests": QuotaName(
        "generate_requests_per_model", "GenerateRequestsPerMinutePerProjectPerModel"
    ),
    "tokens": QuotaName(
        "generate_content_paid_tier_input_token_count",
        "GenerateContentPaidTierInputTokensPerModelPerMinute",
    ),
    "day": QuotaName(
        "generate_requests_per_model_per_day", "GenerateRequestsPerDayPerProjectPerModel"
    ),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a project may use of a model; 0 stands for no limit."""

    rpm: int = 0
    tpm: int = 0
    rpd: int = 0
    window: Literal["sliding", "fixed"] = "sliding"


@dataclass(frozen=True, slots=True)
class Violation:
    """A quota that a request would exceed."""

    unit: Unit
    limit: int
    retry_seconds: float


@dataclass(slots=True)
class _Usage:
    log: deque[tuple[float, int]] = field(default_factory=deque)
    tokens: int = 0
    day: str = ""
    day_count: int = 0


class Quotas:
    """What every project has used of every model."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        """Start with `limits` for everything; `now` returns seconds since the epoch."""
        self._limits: dict[tuple[str, str], Limits] = {("", ""): limits}
        self._usage: dict[tuple[str, str], _Usage] = {}
        self._now = now

    def set_limits(self, limits: Limits, *, project: str = "", model: str = "") -> None:
        """Change the limits of a project, of a model, of both, or (with neither) of all."""
        self._limits[project, model] = limits

    def limits_of(self, project: str, model: str) -> Limits:
        """Return the limits in force, the most particular ones first."""
        for selector in ((project, model), (project, ""), ("", model)):
            if limits := self._limits.get(selector):
                return limits
        return self._limits["", ""]

    def charge(self, project: str, model: str, tokens: int) -> list[Violation]:
        """Charge one request, or return the quotas that it would exceed and charge nothing."""
        limits = self.limits_of(project, model)
        usage = self._usage.get((project, model))
        if usage is None:
            usage = self._usage[project, model] = _Usage()
        now = self._now()
        day = pacific_day(now) if limits.rpd else ""
        self._forget(usage, limits, now, day)
        violations = _violations(usage, limits, now, tokens)
        if not violations:
            usage.log.append((now, tokens))
            usage.tokens += tokens
            usage.day_count += 1
        return violations

    @staticmethod
    def _forget(usage: _Usage, limits: Limits, now: float, day: str) -> None:
        log = usage.log
        if limits.window == "fixed":
            minute = now // MINUTE
            while log and log[0][0] // MINUTE < minute:
                usage.tokens -= log.popleft()[1]
        else:
            while log and log[0][0] <= now - MINUTE:
                usage.tokens -= log.popleft()[1]
        if usage.day != day:
            usage.day, usage.day_count = day, 0


def _violations(usage: _Usage, limits: Limits, now: float, tokens: int) -> list[Violation]:
    found: list[Violation] = []
    if limits.rpm and len(usage.log) >= limits.rpm:
        at = usage.log[len(usage.log) - limits.rpm][0]
        found.append(Violation("requests", limits.rpm, _wait(at, limits, now)))
    if limits.tpm and usage.tokens + tokens > limits.tpm:
        excess = usage.tokens + tokens - limits.tpm
        at = now
        for at, charged in usage.log:  # noqa: B007  # the loop ends at the charge that must lapse
            excess -= charged
            if excess <= 0:
                break
        found.append(Violation("tokens", limits.tpm, _wait(at, limits, now)))
    if limits.rpd and usage.day_count >= limits.rpd:
        # Google's delay is short even for a spent day; callers must look at the quota's id.
        found.append(Violation("day", limits.rpd, _wait(now, limits, now) % 46 + 8))
    return found


def _wait(at: float, limits: Limits, now: float) -> float:
    """Return the seconds until a charge made at `at` lapses."""
    if limits.window == "fixed":
        return MINUTE - now % MINUTE
    return at + MINUTE - now


def quota_error(violations: list[Violation], *, model: str, is_free_tier: bool) -> ApiError:
    """Return Google's refusal for the quotas that a request would exceed."""
    names = _FREE if is_free_tier else _PAID
    return quota_exceeded(
        [(names[violation.unit], violation.limit) for violation in violations],
        model=model,
        retry_seconds=max(violation.retry_seconds for violation in violations),
    )


def quota_name(unit: Unit, *, is_free_tier: bool) -> QuotaName:
    """Return what Google calls a quota."""
    return (_FREE if is_free_tier else _PAID)[unit]
