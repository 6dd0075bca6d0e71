"""The arithmetic of a bench."""

import statistics
from collections.abc import Mapping, Sequence


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which so large a part of the values lies; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return how much y rises with each x, by least squares."""
    return statistics.linear_regression(xs, ys).slope


def medians(samples: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each number over the rounds; of those rounds that have it."""
    names = {name: None for sample in samples for name in sample}
    return {
        name: statistics.median(sample[name] for sample in samples if name in sample)
        for name in names
    }


def ratio(
    samples: Sequence[Mapping[str, float]], base: Sequence[Mapping[str, float]], name: str
) -> float:
    """Return how many times the base a number is: the median of the ratios within each round.

    Within a round, as the machine is not the same from one to the next.

    Raises:
        ValueError: No round has both, or a base is zero.
    """
    pairs = [
        (sample[name], basis[name])
        for sample, basis in zip(samples, base, strict=True)
        if name in sample and name in basis
    ]
    if not pairs or any(basis == 0 for _, basis in pairs):
        raise ValueError(f"no ratio of {name!r}")
    return statistics.median(value / basis for value, basis in pairs)
