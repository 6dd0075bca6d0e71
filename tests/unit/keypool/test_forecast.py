"""The forecast of when a day's quota is used up, whatever the numbers."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from services.keypool.model import Pace
from services.keypool.quota_day import ends_of_day
from services.keypool.quotas import SHORTEST_SPAN, dry_time

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SPANS = st.timedeltas(timedelta(), timedelta(minutes=70))
COUNTS = st.integers(1, 10**12)


def pace(requests: int, span: timedelta, now: datetime) -> Pace:
    return Pace(requests, now - span)


@given(now=TIMES, span=SPANS, requests=st.integers(0, 10**6), used=COUNTS, left=COUNTS)
def test_it_lies_between_now_and_the_end_of_the_day(
    now: datetime, span: timedelta, requests: int, used: int, left: int
) -> None:
    dry = dry_time(used, used + left, pace(requests, span, now), now)

    assert dry is None or now <= dry < ends_of_day(now, 1)[0]


@given(now=TIMES, span=SPANS, requests=st.integers(1, 10**6), left=st.integers(1, 10**6))
def test_at_that_time_the_rate_has_used_up_what_is_left(
    now: datetime, span: timedelta, requests: int, left: int
) -> None:
    dry = dry_time(0, left, pace(requests, span, now), now)
    rate = requests / max(span, SHORTEST_SPAN).total_seconds()
    seconds = left / rate
    end = (ends_of_day(now, 1)[0] - now).total_seconds()
    assume(abs(seconds - end) > 1)

    if seconds > end:
        assert dry is None
    else:
        assert dry is not None
        assert abs((dry - now).total_seconds() - seconds) < 0.001


@given(now=TIMES, span=SPANS, requests=st.integers(1, 10**6), left=COUNTS, more=COUNTS)
def test_it_is_never_later_for_who_uses_more_and_never_earlier_for_who_may_use_more(
    now: datetime, span: timedelta, requests: int, left: int, more: int
) -> None:
    never = ends_of_day(now, 1)[0]
    dry = dry_time(5, 5 + left, pace(requests, span, now), now) or never

    faster = dry_time(5, 5 + left, pace(requests + more, span, now), now) or never
    larger = dry_time(5, 5 + left + more, pace(requests, span, now), now) or never

    assert faster <= dry <= larger


@given(now=TIMES, span=SPANS, requests=st.integers(0, 100), limit=COUNTS, more=st.integers(0, 100))
def test_what_is_used_up_is_dry_now(
    now: datetime, span: timedelta, requests: int, limit: int, more: int
) -> None:
    assert dry_time(limit + more, limit, pace(requests, span, now), now) == now


@given(now=TIMES, used=st.integers(0, 100))
def test_without_use_nothing_is_foretold(now: datetime, used: int) -> None:
    assert dry_time(used, used + 1, None, now) is None
    assert dry_time(used, used + 1, Pace(0, now), now) is None
