from datetime import UTC, datetime

import pytest

from services.simulator.clock import Clock, pacific_day, timestamp


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-01-15T07:59:59", "2026-01-14"),
        ("2026-01-15T08:00:00", "2026-01-15"),
        ("2026-07-15T06:59:59", "2026-07-14"),
        ("2026-07-15T07:00:00", "2026-07-15"),
        # The second Sunday of March and the first of November, when the clocks change.
        ("2026-03-08T07:59:59", "2026-03-07"),
        ("2026-03-08T08:00:00", "2026-03-08"),
        ("2026-03-09T06:59:59", "2026-03-08"),
        ("2026-03-09T07:00:00", "2026-03-09"),
        ("2026-11-01T06:59:59", "2026-10-31"),
        ("2026-11-01T07:00:00", "2026-11-01"),
        ("2026-11-02T07:59:59", "2026-11-01"),
        ("2026-11-02T08:00:00", "2026-11-02"),
    ],
)
def test_the_day_ends_at_midnight_pacific(moment: str, day: str) -> None:
    seconds = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()

    assert pacific_day(seconds) == day


def test_the_clock_runs_ahead_by_its_offset() -> None:
    clock = Clock(lambda: 1000.0)

    clock.offset_seconds = 61.5

    assert clock.now() == 1061.5


def test_times_are_written_as_google_writes_them() -> None:
    assert timestamp(0.25) == "1970-01-01T00:00:00.250000Z"
