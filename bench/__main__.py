"""Run the bench: `python -m bench [NAMES...]`; `--list` tells what there is to name."""

import argparse
import asyncio
import os
import resource
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop

from bench.cores import OTHERS
from bench.report import render
from bench.rounds import measure
from bench.scenario import Scenario
from bench.scenarios import SCENARIOS
from bench.stage import Stage


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios; without any, all")
    parser.add_argument("--list", action="store_true", help="tell what there is")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured")
    parser.add_argument("--seconds", type=float, default=3, help="of one measurement of requests")
    return parser.parse_args(arguments)


def chosen(names: list[str]) -> list[Scenario]:
    """Return the scenarios of these names; without any, those that run unasked."""
    known = {scenario.name: scenario for scenario in SCENARIOS}
    if unknown := set(names) - known.keys():
        sys.exit(f"no such scenario: {', '.join(sorted(unknown))}; --list tells all")
    return [known[name] for name in names] or [
        scenario for scenario in SCENARIOS if not scenario.only_when_named
    ]


def main() -> int:
    options = parse(sys.argv[1:])
    if options.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:<20} {scenario.about}")
        return 0
    scenarios = chosen(options.names)
    # Thousands of connections, on both sides.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.sched_setaffinity(0, OTHERS)
    failed = False
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ExitStack() as stack,
    ):
        stage = Stage(Path(folder), stack, runner, seconds=options.seconds)
        for scenario in scenarios:
            result = measure(scenario, stage, options.rounds)
            print(render([result]), flush=True)
            failed = failed or bool(result.failed)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
