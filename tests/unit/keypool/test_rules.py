"""Small pure rules: the quota day, names, pages, settings, verdicts with their times."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.judging import Effect, Evidence, Operation, Phase
from services.keypool import names
from services.keypool.identity import Identity
from services.keypool.judging import judge_lease
from services.keypool.model import Outcome, Settlement
from services.keypool.quota_day import PACIFIC, ends_of_day
from services.keypool.store import OutcomeRow
from services.kit.errors import InvalidRequestError
from services.kit.paging import read_page_token, write_page_token
from tests.support.keypool import secrets_of, settings
from tests.unit.judging import bodies


class TestQuotaDay:
    @pytest.mark.parametrize(
        ("now", "end"),
        [
            # winter, summer, and the days on which the clocks change
            ("2026-01-15T12:00:00Z", "2026-01-16T08:00:00Z"),
            ("2026-07-15T06:59:59Z", "2026-07-15T07:00:00Z"),
            ("2026-07-15T07:00:00Z", "2026-07-16T07:00:00Z"),
            ("2026-03-08T09:00:00Z", "2026-03-09T07:00:00Z"),
            ("2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z"),
        ],
    )
    def test_it_ends_at_midnight_in_california(self, now: str, end: str) -> None:
        first = ends_of_day(datetime.fromisoformat(now))[0]

        assert first == datetime.fromisoformat(end)

    @given(now=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    def test_ends_ascend_by_about_a_day(self, now: datetime) -> None:
        ends = ends_of_day(now)

        assert now < ends[0] <= now + timedelta(hours=25)
        assert all(end.astimezone(PACIFIC).hour == 0 for end in ends)
        for one, other in pairwise(ends):
            assert timedelta(hours=23) <= other - one <= timedelta(hours=25)


class TestNames:
    @pytest.mark.parametrize("text", ["gemini-2.5-flash", "", "m" * 128])
    def test_models(self, text: str) -> None:
        assert names.is_model(text)

    @pytest.mark.parametrize("text", ["a/b", "a b", "m" * 129, "m\n", "ü", "a:b"])
    def test_no_models(self, text: str) -> None:
        assert not names.is_model(text)

    @given(text=st.text(max_size=200))
    def test_any_text_makes_a_client_id(self, text: str) -> None:
        assert names.is_client_id(names.as_client_id(text))


class TestPages:
    @given(position=st.lists(st.text(max_size=20), min_size=2, max_size=2))
    def test_a_token_leads_back_to_its_position(self, position: list[str]) -> None:
        assert read_page_token(write_page_token(*position), 2) == position

    @given(token=st.text(min_size=1, max_size=30))
    def test_any_other_text_is_refused(self, token: str) -> None:
        with pytest.raises(InvalidRequestError):
            read_page_token(token, 2)


class TestSettings:
    @pytest.mark.parametrize(
        "text",
        ["{0},{1}", " {0} , {1} ,", '["{0}", "{1}"]', '[{{"key": "{0}"}}, "{1}"]'],
    )
    @pytest.mark.parametrize(
        ("name", "pool"), [("api_keys", "default"), ("vertex_api_keys", "vertex-express")]
    )
    def test_keys_are_read_from_lists_of_every_form(self, text: str, name: str, pool: str) -> None:
        read = settings("redis://h", **{name: text.format(*secrets_of(2))})

        assert [key.secret for key in read.seed.keys[pool]] == secrets_of(2)

    def test_a_paid_key_is_one_and_must_be_sendable(self) -> None:
        read = settings("redis://h", paid_key=secrets_of(1)[0])

        assert [key.secret for key in read.seed.keys["paid"]] == secrets_of(1)
        with pytest.raises(ValueError, match="8 to 512 printable"):
            settings("redis://h", paid_key="short")

    def test_the_operators_token_opens_more_even_among_the_allowed(self) -> None:
        read = settings("redis://h", allowed_tokens="sk-1,sk-2,sk-1", auth_token="sk-2")

        assert {token.text: token.scopes for token in read.seed.tokens} == {
            "sk-1": ("models", "files"),
            "sk-2": ("models", "files", "admin"),
        }


class TestVerdicts:
    def judged(self, body: bytes) -> OutcomeRow:
        identity = Identity()
        identity.load(b"pepper")
        evidence = Evidence(Phase.ANSWERED, Operation.GENERATE, 429, body)
        lease_id = identity.seal_lease("1/default/m/p1/k1/c/1.1.0.2")
        row = judge_lease(Settlement(lease_id, Outcome.FAILED, evidence), identity)
        assert row is not None
        return row

    def test_a_minute_is_known(self) -> None:
        row = self.judged(bodies.quota(bodies.PER_MINUTE, delay="30s"))

        assert (row.effect, row.cool_for) == (Effect.COOL_MODEL, timedelta(seconds=30))
        assert (row.is_guess, row.ends_with_day) == (False, False)

    def test_a_bare_error_is_a_guess(self) -> None:
        row = self.judged(bodies.BARE)

        assert (row.effect, row.is_guess, row.ends_with_day) == (Effect.COOL_MODEL, True, False)

    @pytest.mark.parametrize(
        ("delay", "cool_for"),
        [
            ("5s", timedelta(seconds=5)),
            (None, timedelta(minutes=5)),
            ("65205s", timedelta(days=2)),
        ],
    )
    def test_a_day_is_tried_again_after_a_short_delay_and_else_ends_with_the_day(
        self, delay: str | None, cool_for: timedelta
    ) -> None:
        row = self.judged(bodies.quota(bodies.PER_DAY, delay=delay))

        assert (row.cool_for, row.ends_with_day) == (cool_for, True)
