from hypothesis import given
from hypothesis import strategies as st

from services.simulator.quota import Limits, Quotas, quota_error

NOON = 1_790_000_000.0 - 1_790_000_000.0 % 60


class Time:
    def __init__(self) -> None:
        self.seconds = NOON

    def __call__(self) -> float:
        return self.seconds


def test_a_sliding_minute_frees_each_request_sixty_seconds_after_it() -> None:
    time = Time()
    quotas = Quotas(Limits(rpm=2), time)
    assert not quotas.charge("p", "m", 1)
    time.seconds += 50
    assert not quotas.charge("p", "m", 1)

    time.seconds += 9
    refused = quotas.charge("p", "m", 1)
    time.seconds += 1
    granted = quotas.charge("p", "m", 1)

    assert [(each.unit, each.limit, each.retry_seconds) for each in refused] == [
        ("requests", 2, 1.0)
    ]
    assert granted == []


def test_a_fixed_minute_ends_with_the_minute_of_the_clock() -> None:
    time = Time()
    quotas = Quotas(Limits(rpm=1, window="fixed"), time)
    time.seconds += 59
    assert not quotas.charge("p", "m", 1)
    assert quotas.charge("p", "m", 1)[0].retry_seconds == 1.0

    time.seconds += 1

    assert not quotas.charge("p", "m", 1)


def test_tokens_are_counted_and_the_wait_is_until_enough_lapse() -> None:
    time = Time()
    quotas = Quotas(Limits(tpm=100), time)
    assert not quotas.charge("p", "m", 60)
    time.seconds += 10
    assert not quotas.charge("p", "m", 30)

    small = quotas.charge("p", "m", 11)
    large = quotas.charge("p", "m", 80)

    assert [(each.unit, each.retry_seconds) for each in small] == [("tokens", 50.0)]
    assert large[0].retry_seconds == 60.0
    assert not quotas.charge("p", "m", 10)


def test_a_spent_day_lasts_until_midnight_pacific_but_promises_a_short_wait() -> None:
    time = Time()
    quotas = Quotas(Limits(rpd=1), time)
    assert not quotas.charge("p", "m", 1)

    refused = quotas.charge("p", "m", 1)
    time.seconds += 86400

    assert refused[0].unit == "day"
    assert 0 < refused[0].retry_seconds < 60
    assert not quotas.charge("p", "m", 1)


def test_a_refused_request_is_not_counted() -> None:
    time = Time()
    quotas = Quotas(Limits(rpm=1, rpd=2), time)
    assert not quotas.charge("p", "m", 1)
    for _ in range(5):
        assert quotas.charge("p", "m", 1)

    time.seconds += 60

    assert not quotas.charge("p", "m", 1)


def test_projects_and_models_have_quotas_of_their_own() -> None:
    quotas = Quotas(Limits(rpm=1), Time())

    charges = [quotas.charge(project, model, 1) for project in "pq" for model in "mn"]

    assert charges == [[], [], [], []]
    assert quotas.charge("p", "m", 1)


def test_the_most_particular_limit_wins() -> None:
    quotas = Quotas(Limits(rpm=1), Time())
    quotas.set_limits(Limits(rpm=2), model="m")
    quotas.set_limits(Limits(rpm=3), project="p")
    quotas.set_limits(Limits(rpm=4), project="p", model="m")

    found = [quotas.limits_of(project, model).rpm for project in "pq" for model in "mn"]

    assert found == [4, 3, 2, 1]


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 40)), max_size=60))
def test_no_sliding_minute_ever_holds_more_than_the_limits(
    steps: list[tuple[float, int]],
) -> None:
    time = Time()
    quotas = Quotas(Limits(rpm=5, tpm=100), time)
    granted: list[tuple[float, int]] = []

    for pause, tokens in steps:
        time.seconds += pause
        if not quotas.charge("p", "m", tokens):
            granted.append((time.seconds, tokens))

    for end, _ in granted:
        window = [tokens for at, tokens in granted if end - 60 < at <= end]
        assert len(window) <= 5
        assert sum(window) <= 100


@given(st.lists(st.floats(0, 30), min_size=1, max_size=40))
def test_a_refusal_names_the_moment_when_a_request_fits(pauses: list[float]) -> None:
    time = Time()
    quotas = Quotas(Limits(rpm=3), time)
    for pause in pauses:
        time.seconds += pause
        if refused := quotas.charge("p", "m", 1):
            time.seconds += refused[0].retry_seconds + 1e-6
            assert not quotas.charge("p", "m", 1)


def test_all_exceeded_quotas_stand_in_one_refusal_without_a_project_number() -> None:
    quotas = Quotas(Limits(rpm=1, tpm=10, rpd=1), Time())
    quotas.charge("p", "m", 10)
    refused = quotas.charge("p", "m", 1)

    free = quota_error(refused, model="m", is_free_tier=True)
    paid = quota_error(refused, model="m", is_free_tier=False)

    assert [each["quotaId"] for each in free.details[1]["violations"]] == [
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "GenerateContentInputTokensPerModelPerMinute-FreeTier",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    ]
    assert [each["quotaId"] for each in paid.details[1]["violations"]] == [
        "GenerateRequestsPerMinutePerProjectPerModel",
        "GenerateContentPaidTierInputTokensPerModelPerMinute",
        "GenerateRequestsPerDayPerProjectPerModel",
    ]
    assert b"projects/" not in free.body() + paid.body()
    assert b"project_number" not in free.body() + paid.body()
