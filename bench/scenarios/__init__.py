"""All scenarios, in the order in which they run."""

from bench.scenario import Scenario
from bench.scenarios import (
    acquire,
    key_memory,
    keypool_calls,
    many_edges,
    plain,
    soak,
    streams,
    system,
    uploads,
)

SCENARIOS: tuple[Scenario, ...] = (
    *plain.SCENARIOS,
    *many_edges.SCENARIOS,
    *streams.SCENARIOS,
    *uploads.SCENARIOS,
    *system.SCENARIOS,
    *keypool_calls.SCENARIOS,
    *acquire.SCENARIOS,
    *key_memory.SCENARIOS,
    *soak.SCENARIOS,
)
