"""Times and spans as people write and read them."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from services.cli.errors import CommandError

PACIFIC = ZoneInfo("America/Los_Angeles")
"""Where Google's quota days end at midnight."""

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_span(text: str, option: str) -> timedelta:
    """Return a span such as `90m`, `24h`, `7d` or `2w`.

    Raises:
        CommandError: It is none; exit code 2.
    """
    match = _SPAN.fullmatch(text.strip())
    try:
        if match:
            return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
    except OverflowError:
        pass
    raise CommandError(f"{option}: {text} is not a span such as 90m, 24h or 7d", exit_code=2)


def parse_time(text: str, option: str) -> datetime:
    """Return a time such as `2026-11-23` or `2026-11-23T08:00-08:00`.

    Without a zone it is local time.

    Raises:
        CommandError: It is none; exit code 2.
    """
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option}: {text} is not a time such as 2026-11-23 or 2026-11-23T08:00", exit_code=2
        ) from None


def parse_end(text: str, option: str, now: datetime) -> datetime:
    """Return a time to come, given as a time or as a span from now on.

    Raises:
        CommandError: It is neither; exit code 2.
    """
    if not _SPAN.fullmatch(text.strip()):
        return parse_time(text, option)
    try:
        return now + parse_span(text, option)
    except OverflowError:
        raise CommandError(f"{option}: {text} is too far away", exit_code=2) from None


def read_time(message: Message, field: str) -> datetime | None:
    """Return the time in a field of a message, None when it is unset."""
    if not message.HasField(field):
        return None
    value: Timestamp = getattr(message, field)
    return value.ToDatetime(UTC)


def iso(moment: datetime | None) -> str:
    """Return a time for programs, empty for none."""
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def iso_pacific(moment: datetime | None) -> str:
    """Return a time for programs, by the clock of Google's quota days, empty for none."""
    return "" if moment is None else moment.astimezone(PACIFIC).isoformat(timespec="seconds")


def clock(moment: datetime | None, now: datetime) -> str:
    """Return a time for people, by the clock of Google's quota days, empty for none."""
    if moment is None:
        return ""
    local, today = moment.astimezone(PACIFIC), now.astimezone(PACIFIC).date()
    if local.date() == today:
        return f"{local:%H:%M} PT"
    return f"{local:%Y-%m-%d %H:%M} PT"
