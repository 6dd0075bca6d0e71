"""By how much two clocks differ, as far as one answer can tell."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keypool import metrics
from services.keypool.clock_watch import ClockWatch, clock_offset

NOW = datetime(2031, 6, 3, 15, tzinfo=UTC)
SPANS = st.timedeltas(timedelta(), timedelta(hours=3))
OFFSETS = st.timedeltas(timedelta(hours=-3), timedelta(hours=3))


@given(there=SPANS, back=SPANS, offset=OFFSETS)
def test_it_is_never_more_than_the_truth_and_less_by_the_way_at_most(
    there: timedelta, back: timedelta, offset: timedelta
) -> None:
    told = NOW + there + offset

    found = clock_offset(NOW, told, NOW + there + back)

    if offset >= timedelta():
        assert timedelta() <= found <= offset
        assert found >= offset - back
    else:
        assert offset <= found <= timedelta()
        assert found <= offset + there


@given(there=SPANS, back=SPANS)
def test_clocks_that_agree_differ_by_nothing(there: timedelta, back: timedelta) -> None:
    assert clock_offset(NOW, NOW + there, NOW + there + back) == timedelta()


class Ticks:
    """Seconds that only the test lets pass."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("ahead", "is_told"), [(0, False), (1, False), (1.001, True), (-1, False), (-1.001, True)]
)
def test_a_second_is_tolerated(
    ahead: float, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    before = metrics.CLOCK_ALARMS._value.get()

    ClockWatch(Ticks()).note(NOW, NOW + timedelta(seconds=ahead), NOW)

    assert (metrics.CLOCK_ALARMS._value.get() - before == 1) is is_told
    assert (f"ahead_seconds={ahead}" in capsys.readouterr().out) is is_told


def test_the_log_says_so_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    ticks = Ticks()
    watch = ClockWatch(ticks)
    lines = []

    for _ in range(5):
        watch.note(NOW, NOW + timedelta(hours=1), NOW)
        lines.append(capsys.readouterr().out.count("\n"))
        ticks.seconds += 29.9

    assert lines == [1, 0, 0, 1, 0]
