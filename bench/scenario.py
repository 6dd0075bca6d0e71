"""What a scenario is: ways that are measured in turn, and the numbers that each gives."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from bench.stage import Stage

Sample = Mapping[str, float]
"""The numbers of one measurement, by the names of columns; a number that is missing is none."""

Measure = Callable[[], Sample]
"""Measures once; raises `WrongAnswerError` when an answer was not what it had to be."""

Ways = Mapping[str, Measure]
"""What is compared, by name; the first one is what the others are told as multiples of."""


class WrongAnswerError(Exception):
    """Something answered wrongly, so its numbers mean nothing."""


@dataclass(frozen=True, slots=True)
class Column:
    """One number of a sample.

    Attributes:
        name: In samples and in tables.
        digits: After the point.
        is_worst: Whether the highest round is told instead of the median.
    """

    name: str
    digits: int = 0
    is_worst: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing to measure.

    Attributes:
        name: On the command line.
        part: The page of results that it belongs to.
        about: One line for people.
        columns: What its ways give.
        open: Prepares the ways; what it enters into the stack ends with the scenario.
        compared: The column that is told as a multiple of the first way's, if any.
        only_when_named: Whether it is left out of a run of everything.
        rounds: How often each way is measured, when not as often as in other scenarios.
        warms_up: Whether each way is measured once before it counts.
    """

    name: str
    part: str
    about: str
    columns: tuple[Column, ...]
    open: Callable[[Stage, ExitStack], Ways]
    compared: str = ""
    only_when_named: bool = False
    rounds: int | None = None
    warms_up: bool = True
