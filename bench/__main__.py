"""Run the bench: `python -m bench [NAMES...]`; `--list` tells what there is to name."""

import asyncio
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvloop

from bench.cores import OTHERS
from bench.facts import facts
from bench.gate import exceeded
from bench.options import Options, read_options
from bench.peers import peer_versions
from bench.publish import publish, publish_page
from bench.report import render
from bench.rounds import Result, measure
from bench.scenarios import SCENARIOS
from bench.stage import Stage


def main() -> int:
    """Run what was asked for and return the exit code: 1 for wrong answers or a broken bound."""
    options = read_options(sys.argv[1:])
    if options.lists:
        for scenario in SCENARIOS:
            asked = " (only when named)" if scenario.only_when_named else ""
            print(f"{scenario.name:<20} {scenario.about}{asked}")
        return 0
    known = facts() | {"command": " ".join(("python -m bench", *sys.argv[1:]))}
    results = []
    with opened_stage(options) as stage:
        for scenario in options.scenarios:
            results.append(measure(scenario, stage, options.rounds))
            print(render(results[-1:]), flush=True)
    if options.writes and options.with_peers:
        publish_page("peers", results, known | peer_versions())
    elif options.writes:
        publish(results, known)
    return judge(options, results)


@contextmanager
def opened_stage(options: Options) -> Iterator[Stage]:
    """Prepare this process and a stage for the length of the block."""
    # Thousands of connections, on both sides.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.sched_setaffinity(0, OTHERS)
    # Told to end, the bench ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ExitStack() as stack,
    ):
        yield Stage(
            Path(folder),
            stack,
            runner,
            seconds=options.seconds,
            shows_upstream=not options.quick,
            with_peers=options.with_peers,
        )


def judge(options: Options, results: list[Result]) -> int:
    """Say what is wrong and return the exit code."""
    wrong = [f"{result.scenario.name}: {way} failed" for result in results for way in result.failed]
    if options.quick:
        wrong += exceeded(results)
    for line in wrong:
        print(line, file=sys.stderr)
    if options.quick and not wrong:
        print("all bounds hold")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
