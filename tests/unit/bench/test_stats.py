import pytest

from bench.stats import medians, percentile, ratio, slope


@pytest.mark.parametrize(("part", "expected"), [(0, 1), (0.5, 51), (0.99, 100), (1, 100)])
def test_a_percentile_is_one_of_the_values(part: float, expected: float) -> None:
    values = list(range(100, 0, -1))

    assert percentile(values, part) == expected


def test_a_percentile_of_nothing_is_zero() -> None:
    assert percentile([], 0.5) == 0


def test_medians_count_the_rounds_that_have_a_number() -> None:
    samples = [{"a": 1.0, "b": 5.0}, {"a": 9.0}, {"a": 2.0}]

    assert medians(samples) == {"a": 2.0, "b": 5.0}


def test_a_ratio_is_taken_within_rounds() -> None:
    # The machine was three times as busy in the second round.
    base = [{"a": 10.0}, {"a": 30.0}, {"a": 10.0}]
    samples = [{"a": 20.0}, {"a": 60.0}, {"a": 25.0}]

    assert ratio(samples, base, "a") == 2.0


@pytest.mark.parametrize("base", [[{}], [{"a": 0.0}]])
def test_there_is_no_ratio_to_nothing(base: list[dict[str, float]]) -> None:
    with pytest.raises(ValueError, match="no ratio"):
        ratio([{"a": 1.0}], base, "a")


def test_a_slope_is_the_rise_with_each_step() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2)
