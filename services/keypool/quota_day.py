"""When Google's quota day ends: at midnight US Pacific."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


def ends_of_day(now: datetime, count: int = 3) -> list[datetime]:
    """Return the next ends of the quota day after `now`, in UTC, ascending.

    The first one may be past by the time that a store looks at its own clock,
    which is why there are several.
    """
    today = now.astimezone(PACIFIC).date()
    return [
        datetime.combine(today + timedelta(days=ahead), time(), PACIFIC).astimezone(UTC)
        for ahead in range(1, count + 1)
    ]
