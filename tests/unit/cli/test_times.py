"""Times and spans as people write them."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.errors import CommandError
from services.cli.times import parse_end, parse_span, parse_time

NOW = datetime(2026, 7, 1, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(hours=24)),
        (" 1.5 d ", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
        ("30s", timedelta(seconds=30)),
    ],
)
def test_spans(text: str, span: timedelta) -> None:
    assert parse_span(text, "--since") == span


@pytest.mark.parametrize(
    "text", ["", "h", "24", "-1h", "1y", "soon", "9" * 400 + "w", "99999999999w"]
)
def test_what_is_no_span_names_the_option(text: str) -> None:
    with pytest.raises(CommandError, match="--since") as caught:
        parse_span(text, "--since")

    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T08:00-08:00", datetime(2026, 11, 23, 16, tzinfo=UTC)),
        ("2026-11-23T08:00Z", datetime(2026, 11, 23, 8, tzinfo=UTC)),
    ],
)
def test_times(text: str, moment: datetime) -> None:
    assert parse_time(text, "--from") == moment


def test_a_time_without_a_zone_is_local() -> None:
    local = datetime(2026, 11, 23).astimezone()

    assert parse_time("2026-11-23", "--from") == local


@pytest.mark.parametrize("text", ["30d", "2026-07-31T20:00Z"])
def test_an_end_is_a_time_or_a_span_from_now_on(text: str) -> None:
    assert parse_end(text, "--expires", NOW) == NOW + timedelta(days=30)


@given(st.text(max_size=30))
def test_any_other_text_is_one_clear_error(text: str) -> None:
    with contextlib.suppress(CommandError):
        assert parse_end(text, "--expires", NOW).tzinfo is UTC
