"""Google's limits: what a refusal tells of them, and when a day's will be used up."""

from datetime import datetime, timedelta

from services.judging.error_body import Violation
from services.keypool.project_store import Limits
from services.keypool.quota_day import ends_of_day, start_of_day

SHORTEST_SPAN = timedelta(minutes=1)
"""A rate is not told from less of a day than this."""


def read_limits(violations: tuple[Violation, ...]) -> Limits:
    """Return the limits that a refusal names, the smallest where it names several.

    A limit of zero is none: it says that the project does not offer the model.
    """
    minute: list[int] = []
    tokens: list[int] = []
    day: list[int] = []
    for violation in violations:
        if not violation.value:
            continue
        counts_tokens = "token" in (violation.metric + violation.quota_id).lower()
        if "PerMinute" in violation.quota_id:
            (tokens if counts_tokens else minute).append(violation.value)
        elif ("PerDay" in violation.quota_id or "Daily" in violation.quota_id) and (
            not counts_tokens
        ):
            day.append(violation.value)
    return Limits(min(minute, default=None), min(tokens, default=None), min(day, default=None))


def dry_time(used: int, limit: int, now: datetime) -> datetime | None:
    """Return when a day's quota will be used up at the day's rate so far.

    Returns:
        `now` when it is; None when it will not be before the day ends.
    """
    if used >= limit:
        return now
    if not used:
        return None
    passed = max(now - start_of_day(now), SHORTEST_SPAN)
    dry_at = now + passed * ((limit - used) / used)
    return dry_at if dry_at < ends_of_day(now, 1)[0] else None
