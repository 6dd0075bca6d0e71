"""A million requests: does anything grow with them."""

import itertools
from contextlib import ExitStack
from functools import partial

from bench.processes import resident_bytes
from bench.scenario import Column, Sample, Scenario, Ways
from bench.scenarios import questions
from bench.scenarios.plain import measure
from bench.stage import Stage
from bench.stats import slope
from bench.target import Target
from bench.upstream.answers import MODEL

_CONNECTIONS = 64
_STEPS = 20
_STEP = 50_000
_GROWING = ("edge", "keypool", "redis")
_LONGEST_STEP_SECONDS = 600

COLUMNS = (
    *(Column(f"{name} last MB", 1) for name in _GROWING),
    *(Column(f"{name} growth KB a million") for name in _GROWING),
)


def open_soak(stage: Stage, _: ExitStack) -> Ways:
    """Prepare a million requests."""
    return {"gemini-balance": partial(_soak, stage, stage.product(stage.upstream())[1])}


def _soak(stage: Stage, product: Target) -> Sample:
    question = questions.gemini(MODEL)
    request = product.request("gemini", question)
    sizes: dict[str, list[float]] = {name: [] for name in _GROWING}
    for _ in range(_STEPS):
        measure(
            stage,
            product,
            request,
            question.check,
            connections=_CONNECTIONS,
            at_most=_STEP,
            seconds=_LONGEST_STEP_SECONDS,
        )
        for name, found in sizes.items():
            found.append(sum(map(resident_bytes, product.processes[name])) / 1e3)
    millions = list(itertools.accumulate([_STEP / 1e6] * _STEPS))
    # The first quarter fills pools and caches.
    warm = _STEPS // 4
    return {f"{name} last MB": found[-1] / 1e3 for name, found in sizes.items()} | {
        f"{name} growth KB a million": slope(millions[warm:], found[warm:])
        for name, found in sizes.items()
    }


SCENARIOS = (
    Scenario(
        "soak",
        "system",
        "Gemini plain, 64 at once, a million requests: memory that grows with each million",
        COLUMNS,
        open_soak,
        only_when_named=True,
        rounds=1,
        warms_up=False,
    ),
)
