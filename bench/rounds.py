"""Measuring a scenario: every round visits every way."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass

from bench.scenario import Sample, Scenario, WrongAnswerError
from bench.stage import Stage
from bench.stats import medians, ratio


@dataclass(frozen=True, slots=True)
class Result:
    """What a scenario gave.

    Attributes:
        scenario: Which one.
        base: The way that others are told as multiples of.
        samples: The numbers of each round, by way.
        failed: Why a way has no numbers.
    """

    scenario: Scenario
    base: str
    samples: dict[str, list[Sample]]
    failed: dict[str, str]

    def row(self, way: str) -> dict[str, float]:
        """Return the numbers of a way over all rounds."""
        samples = self.samples[way]
        found = medians(samples)
        for column in self.scenario.columns:
            if column.is_worst and column.name in found:
                found[column.name] = max(sample.get(column.name, 0) for sample in samples)
        return found

    def multiple(self, way: str) -> float | None:
        """Return how many times the base a way is; None when not both were measured."""
        if not {way, self.base} <= self.samples.keys():
            return None
        try:
            return ratio(self.samples[way], self.samples[self.base], self.scenario.compared)
        except ValueError:
            return None


def measure(scenario: Scenario, stage: Stage, rounds: int) -> Result:
    """Measure a scenario: one round to warm up, then those that count.

    A way that answers wrongly is not measured further, and said to have failed.
    """
    failed: dict[str, str] = {}
    print(f"{scenario.name} ...", file=sys.stderr, flush=True)
    with ExitStack() as stack:
        ways = scenario.open(stage, stack)
        samples: dict[str, list[Sample]] = {name: [] for name in ways}
        first = 0 if scenario.warms_up else 1
        for number in range(first, (scenario.rounds or rounds) + 1):
            stage.warming_up = number == 0
            for name, way in ways.items():
                if name in failed:
                    continue
                try:
                    sample = way()
                except WrongAnswerError as error:
                    failed[name] = str(error)
                    del samples[name]
                    continue
                if number:
                    samples[name].append(sample)
    return Result(scenario, next(iter(ways)), samples, failed)
