"""Scenarios of whole answers: the product and others in front of the same upstream."""

import resource
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from bench.load.connection import Check
from bench.load.plain import plain_load
from bench.processes import watched
from bench.scenario import Column, Sample, Scenario, Ways, WrongAnswerError
from bench.scenarios import questions
from bench.scenarios.compared import compared_targets
from bench.stage import Stage
from bench.stats import percentile
from bench.target import Question, Target
from bench.upstream.answers import IMAGE_MODEL, MODEL, SLOW_MODEL

_WARM_UP_SECONDS = 0.5

COLUMNS = (
    Column("requests/s"),
    Column("p50 ms", 2),
    Column("p99 ms", 2),
    Column("edge µs"),
    Column("keypool µs"),
    Column("redis µs"),
    Column("peak MB"),
    Column("load µs"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked.

    Attributes:
        native: In Gemini's dialect: what relays are asked.
        translated: In OpenAI's dialect, when that is what the scenario is about.
        connections: How many ask at once.
        seconds: How long each measurement takes, when not as long as others.
        tls: Whether the upstream speaks TLS.
    """

    native: Question
    translated: Question | None = None
    connections: int = 64
    seconds: float | None = None
    tls: bool = False


def open_case(make: Callable[[], Case], stage: Stage, _: ExitStack) -> Ways:
    """Prepare the ways of a case: the yardstick first, then the product, peers, the upstream."""
    case = make()
    dialect, question = ("openai", case.translated) if case.translated else ("gemini", case.native)
    upstream = stage.upstream(tls=case.tls)
    ways = {}
    for name, target in compared_targets(stage, upstream).items():
        own, asked = ("gemini", case.native) if target.is_relay else (dialect, question)
        if own in target.prefixes:
            request = target.request(own, asked)
            ways[name] = partial(
                measure,
                stage,
                target,
                request,
                target.check(asked),
                connections=case.connections,
                seconds=case.seconds,
            )
    return ways


def measure(
    stage: Stage,
    target: Target,
    request: bytes,
    check: Check,
    *,
    connections: int,
    at_most: int | None = None,
    seconds: float | None = None,
) -> Sample:
    """Ask for some seconds, or so many requests, and return what it cost.

    Raises:
        WrongAnswerError: An answer was wrong.
    """
    own = resource.getrusage(resource.RUSAGE_SELF)
    with watched(target.processes) as cost:
        result = stage.run(
            plain_load(
                target.address,
                request,
                check,
                connections=connections,
                seconds=_WARM_UP_SECONDS if stage.warming_up else seconds or stage.seconds,
                at_most=at_most,
            )
        )
        after = resource.getrusage(resource.RUSAGE_SELF)
    count = len(result.latencies)
    if result.wrong or not count:
        raise WrongAnswerError(f"{result.wrong} of {count + result.wrong}: {result.example}")
    load = after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime
    sample = {
        "requests/s": count / result.seconds,
        "p50 ms": percentile(result.latencies, 0.5) * 1e3,
        "p99 ms": percentile(result.latencies, 0.99) * 1e3,
        "load µs": load / count * 1e6,
    }
    for name in {"edge", "keypool", "redis"} & cost.cpu.keys():
        sample[f"{name} µs"] = cost.cpu[name] / count * 1e6
    if "edge" in cost.peak:
        sample["peak MB"] = cost.peak["edge"] / 1e6
    return sample


def _scenario(name: str, about: str, make: Callable[[], Case]) -> Scenario:
    return Scenario(name, "edge", about, COLUMNS, partial(open_case, make), compared="edge µs")


SCENARIOS = (
    _scenario(
        "gemini",
        "Gemini plain, 64 at once: 1 KB asked, 1 KB answered",
        lambda: Case(questions.gemini(MODEL)),
    ),
    _scenario(
        "chat",
        "OpenAI chat plain, 64 at once: 1 KB asked, 1 KB answered, translated both ways",
        lambda: Case(questions.gemini(MODEL), questions.chat(MODEL)),
    ),
    _scenario(
        "gemini-alone",
        "Gemini plain, one at a time: the latency that is added",
        lambda: Case(questions.gemini(MODEL), connections=1),
    ),
    _scenario(
        "chat-alone",
        "OpenAI chat plain, one at a time: the latency that is added",
        lambda: Case(questions.gemini(MODEL), questions.chat(MODEL), connections=1),
    ),
    _scenario(
        "embeddings",
        "OpenAI embeddings, 64 at once: one text, 768 numbers",
        lambda: Case(questions.gemini_embedding(), questions.embedding()),
    ),
    _scenario(
        "prompt-32k",
        "OpenAI chat plain, 32 at once, a prompt of 32 KB",
        lambda: _long(32_000, connections=32),
    ),
    _scenario(
        "prompt-1m",
        "OpenAI chat plain, 8 at once, a prompt of 1 MB",
        lambda: _long(1_000_000, connections=8),
    ),
    _scenario(
        "picture-5m",
        "Gemini plain, 8 at once, answers with a picture of 5 MB",
        lambda: Case(questions.gemini(IMAGE_MODEL), connections=8),
    ),
    _scenario(
        "tls",
        "Gemini plain, 64 at once, the upstream speaks TLS",
        lambda: Case(questions.gemini(MODEL), tls=True),
    ),
    _scenario(
        "slow-1000",
        "Gemini plain, 1,000 at once, the upstream takes 1 s",
        lambda: Case(questions.gemini(SLOW_MODEL), connections=1000, seconds=5),
    ),
)


def _long(size: int, *, connections: int) -> Case:
    text = (questions.ASKED * (size // len(questions.ASKED) + 1))[:size]
    asked = questions.gemini(MODEL, text), questions.chat(MODEL, text)
    return Case(*asked, connections=connections)
