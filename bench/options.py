"""What a bench is asked for."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from bench.gate import BOUNDS
from bench.scenario import Scenario
from bench.scenarios import SCENARIOS

_QUICK_ROUNDS = 5
_QUICK_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured, and what becomes of it.

    Attributes:
        scenarios: In their order.
        rounds: How often each way is measured.
        seconds: How long one measurement of a plain load takes.
        quick: Whether only the yardstick and the product are measured, and held to bounds.
        with_peers: Whether other products are measured, too.
        writes: Whether results are published.
        lists: Whether scenarios are told instead of run.
    """

    scenarios: tuple[Scenario, ...]
    rounds: int
    seconds: float
    quick: bool
    with_peers: bool
    writes: bool
    lists: bool


def read_options(arguments: Sequence[str]) -> Options:
    """Return what was asked for; exits with 2 when it cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", help="scenarios; without any, all that --list tells")
    parser.add_argument("--list", action="store_true", help="tell the scenarios and end")
    parser.add_argument("--quick", action="store_true", help="the gate: fails above its bounds")
    parser.add_argument("--peers", action="store_true", help="measure other products, too")
    parser.add_argument("--write", action="store_true", help="write bench/results")
    parser.add_argument("--rounds", type=int, help="how often each way is measured")
    parser.add_argument("--seconds", type=float, help="of each measurement of plain requests")
    given = parser.parse_args(arguments)
    known = {scenario.name: scenario for scenario in SCENARIOS}
    if unknown := set(given.names) - known.keys():
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    if given.quick and (ungated := set(given.names) - BOUNDS.keys()):
        parser.error(f"no bound is known of {', '.join(sorted(ungated))}")
    scenarios = _chosen([known[name] for name in given.names], quick=given.quick)
    if given.write and not given.peers and (left_out := _left_out(scenarios)):
        parser.error(f"a page is written whole: name {', '.join(left_out)}, too")
    return Options(
        scenarios=scenarios,
        rounds=given.rounds or (_QUICK_ROUNDS if given.quick else 3),
        seconds=given.seconds or (_QUICK_SECONDS if given.quick else 2),
        quick=given.quick,
        with_peers=given.peers,
        writes=given.write,
        lists=given.list,
    )


def _chosen(named: list[Scenario], *, quick: bool) -> tuple[Scenario, ...]:
    if named:
        return tuple(named)
    if quick:
        return tuple(scenario for scenario in SCENARIOS if scenario.name in BOUNDS)
    return tuple(scenario for scenario in SCENARIOS if not scenario.only_when_named)


def _left_out(scenarios: tuple[Scenario, ...]) -> list[str]:
    """Return what else belongs to the pages of some scenarios."""
    parts = {scenario.part for scenario in scenarios}
    return [
        scenario.name
        for scenario in SCENARIOS
        if scenario.part in parts and not scenario.only_when_named and scenario not in scenarios
    ]
