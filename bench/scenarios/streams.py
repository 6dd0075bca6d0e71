"""Scenarios of streamed answers."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from bench.load.streams import stream_load
from bench.processes import watched
from bench.scenario import Column, Sample, Scenario, Ways, WrongAnswerError
from bench.scenarios import questions
from bench.scenarios.compared import compared_targets
from bench.stage import Stage
from bench.stats import percentile
from bench.target import Question, Target
from bench.upstream.answers import LONG_STREAM_MODEL, MODEL, stream_events

COLUMNS = (
    Column("chunks/s"),
    Column("first p50 ms"),
    Column("first p99 ms"),
    Column("whole p50 s", 2),
    Column("whole p99 s", 2),
    Column("gap p99 ms"),
    Column("edge µs/chunk", 1),
    Column("peak MB"),
    Column("KB a stream", 1),
)


@dataclass(frozen=True, slots=True)
class Case:
    """What is streamed.

    Attributes:
        model: Of the upstream, which says how many events, and how far apart.
        translated: Whether in OpenAI's dialect.
        streams: At once.
        waves: How often.
    """

    model: str
    translated: bool
    streams: int
    waves: int


def open_case(case: Case, stage: Stage, _: ExitStack) -> Ways:
    """Prepare the ways of a case: the yardstick first, then the product, peers, the upstream."""
    native = questions.gemini_stream(case.model)
    dialect, question = "gemini", native
    if case.translated:
        dialect, question = "openai", questions.chat_stream(case.model)
    ways = {}
    for name, target in compared_targets(stage, stage.upstream()).items():
        own, asked = ("gemini", native) if target.is_relay else (dialect, question)
        if own in target.prefixes:
            ways[name] = partial(measure, stage, case, target, own, asked)
    return ways


def measure(stage: Stage, case: Case, target: Target, dialect: str, asked: Question) -> Sample:
    """Stream once and return what it cost.

    Raises:
        WrongAnswerError: A stream was wrong.
    """
    request = target.request(dialect, asked)
    with watched(target.processes) as cost:
        result = stage.run(
            stream_load(
                target.address, request, target.check(asked), streams=case.streams, waves=case.waves
            )
        )
    whole = len(result.whole)
    if result.wrong or not whole:
        raise WrongAnswerError(f"{result.wrong} of {whole + result.wrong}: {result.example}")
    chunks = whole * len(stream_events(case.model))
    sample = {
        "chunks/s": chunks / result.seconds,
        "first p50 ms": percentile(result.first, 0.5) * 1e3,
        "first p99 ms": percentile(result.first, 0.99) * 1e3,
        "whole p50 s": percentile(result.whole, 0.5),
        "whole p99 s": percentile(result.whole, 0.99),
        "gap p99 ms": percentile(result.gaps, 0.99) * 1e3,
    }
    if "edge" in cost.cpu:
        sample["edge µs/chunk"] = cost.cpu["edge"] / chunks * 1e6
        sample["peak MB"] = cost.peak["edge"] / 1e6
        sample["KB a stream"] = (cost.peak["edge"] - target.rest_bytes) / case.streams / 1e3
    return sample


def _scenario(name: str, about: str, case: Case) -> Scenario:
    opened: Callable[[Stage, ExitStack], Ways] = partial(open_case, case)
    return Scenario(name, "streams", about, COLUMNS, opened, compared="edge µs/chunk")


SCENARIOS = (
    _scenario(
        "gemini-stream",
        "Gemini streamed, 200 at once, 50 chunks 20 ms apart, twice",
        Case(MODEL, translated=False, streams=200, waves=2),
    ),
    _scenario(
        "chat-stream",
        "OpenAI chat streamed, 200 at once, 50 chunks 20 ms apart, twice",
        Case(MODEL, translated=True, streams=200, waves=2),
    ),
    _scenario(
        "gemini-stream-2000",
        "Gemini streamed, 2,000 at once, 20 chunks 100 ms apart",
        Case(LONG_STREAM_MODEL, translated=False, streams=2000, waves=1),
    ),
    _scenario(
        "chat-stream-2000",
        "OpenAI chat streamed, 2,000 at once, 20 chunks 100 ms apart",
        Case(LONG_STREAM_MODEL, translated=True, streams=2000, waves=1),
    ),
)
