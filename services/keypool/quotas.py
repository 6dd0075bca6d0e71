"""Google's limits: what a refusal tells of them, and when a day's will be used up."""

from datetime import datetime, timedelta

from services.judging.error_body import Violation
from services.keypool.model import Pace
from services.keypool.project_store import Limits
from services.keypool.quota_day import ends_of_day

SHORTEST_SPAN = timedelta(minutes=10)
"""A rate is not told from less than this: a burst is no rate."""


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


def dry_time(used: int, limit: int, pace: Pace | None, now: datetime) -> datetime | None:
    """Return when a day's quota will be used up at the rate of the last hour.

    Args:
        used: Requests of the day so far.
        limit: Requests that a day allows.
        pace: Requests lately, None when nothing is known of them.
        now: The present.

    Returns:
        `now` when it is used up already; None when it will not be before the day ends.
    """
    if used >= limit:
        return now
    if pace is None or not pace.requests:
        return None
    passed = max(now - pace.since, SHORTEST_SPAN)
    share = (limit - used) / pace.requests
    # Compared as shares: a time that far ahead may be none.
    if share >= (ends_of_day(now, 1)[0] - now) / passed:
        return None
    return now + passed * share
