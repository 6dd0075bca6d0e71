"""Measuring a scenario: every round visits every way."""

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
        samples: The numbers of each round, by way.
        failed: Why a way has no numbers.
    """

    scenario: Scenario
    samples: dict[str, list[Sample]]
    failed: dict[str, str]

    def row(self, way: str) -> dict[str, float]:
        """Return the medians of a way."""
        return medians(self.samples[way])

    def multiple(self, way: str) -> float | None:
        """Return how many times the first way's cost a way's is; None when not to be told."""
        try:
            return ratio(
                self.samples[way], next(iter(self.samples.values())), self.scenario.compared
            )
        except ValueError:
            return None


def measure(scenario: Scenario, stage: Stage, rounds: int) -> Result:
    """Measure a scenario: one round to warm up, then those that count.

    A way that answers wrongly is not measured further, and said to have failed.
    """
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        ways = scenario.open(stage, stack)
        samples: dict[str, list[Sample]] = {name: [] for name in ways}
        for number in range((scenario.rounds or rounds) + 1):
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
    return Result(scenario, samples, failed)
