"""All scenarios, in the order in which they run."""

from bench.scenario import Scenario
from bench.scenarios import plain, streams

SCENARIOS: tuple[Scenario, ...] = (*plain.SCENARIOS, *streams.SCENARIOS)
