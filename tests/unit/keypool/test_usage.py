"""Which buckets answer a question: all of the span, each moment once."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keypool.quota_day import PACIFIC, ends_of_day
from services.keypool.usage import DAYS_KEPT, HOURS_KEPT, MINUTES_KEPT, Bucket, buckets_of

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)

# Both days on which clocks change in Los Angeles lie in reach.
_TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # naive bounds are what hypothesis wants


def span_of(bucket: Bucket) -> tuple[datetime, datetime]:
    if bucket.unit == "d":
        end = datetime.fromtimestamp(bucket.number / 1000, UTC)
        first = datetime.combine(
            end.astimezone(PACIFIC).date() - timedelta(days=1), datetime.min.time(), PACIFIC
        )
        return first.astimezone(UTC), end
    length = timedelta(minutes=1) if bucket.unit == "m" else timedelta(hours=1)
    start = datetime(1970, 1, 1, tzinfo=UTC) + bucket.number * length
    return start, start + length


@given(_TIMES, st.timedeltas(timedelta(seconds=1), timedelta(days=100)), st.floats(0, 0.99))
def test_cover_the_span_without_a_gap_and_without_counting_twice(
    now: datetime, back: timedelta, share: float
) -> None:
    start = now - back
    end = start + max(timedelta(seconds=1), back * (1 - share))
    end = min(end, now)

    spans = sorted(span_of(bucket) for bucket in buckets_of(start, end, now))

    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    if end > now - DAYS_KEPT:
        assert spans[0][0] <= max(start, now - DAYS_KEPT)
        assert spans[-1][1] >= end
        assert spans[-1][0] < end


@given(_TIMES, st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_are_those_that_are_kept_in_full(now: datetime, back: timedelta) -> None:
    for bucket in buckets_of(now - back, now, now):
        kept = {"m": MINUTES_KEPT, "h": HOURS_KEPT, "d": DAYS_KEPT}[bucket.unit]

        assert span_of(bucket)[1] > now - kept


def test_are_minutes_then_hours_then_days() -> None:
    units = [bucket.unit for bucket in buckets_of(NOW - timedelta(days=60), NOW, NOW)]

    assert units == ["d"] * 58 + ["h"] * 51 + ["m"] * 95


@pytest.mark.parametrize("day", [datetime(2026, 3, 8, 12), datetime(2026, 11, 1, 12)])  # noqa: DTZ001  # local noon
def test_days_of_a_change_of_clocks_are_one_bucket(day: datetime) -> None:
    noon = day.replace(tzinfo=PACIFIC).astimezone(UTC)
    now = noon + timedelta(days=10)

    [bucket] = buckets_of(noon, noon + timedelta(minutes=1), now)

    assert bucket.number == ends_of_day(noon)[0].timestamp() * 1000
    assert span_of(bucket)[1] - span_of(bucket)[0] != timedelta(days=1)
