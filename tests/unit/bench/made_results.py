"""Results that were not measured."""

from bench.rounds import Result
from bench.scenario import Column, Sample, Scenario


def scenario(name: str, *, compared: str = "edge µs") -> Scenario:
    columns = (Column("edge µs"), Column("p50 ms", 2), Column("rise MB", is_worst=True))
    return Scenario(name, "edge", f"About {name}", columns, lambda *_: {}, compared=compared)


def result(name: str, **ways: list[Sample]) -> Result:
    named = {way.replace("_", "-"): rounds for way, rounds in ways.items()}
    return Result(scenario(name), "yardstick", named, failed={})


def costs(*micros: float) -> list[Sample]:
    return [{"edge µs": each} for each in micros]
